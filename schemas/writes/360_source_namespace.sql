-- Where the databases of the tools are: the newest word counts.
MERGE INTO store.source_namespace AS stored
USING batch_source_namespace AS batch ON stored.tool = batch.tool AND stored.source = batch.source
WHEN MATCHED THEN
    UPDATE SET namespace = batch.namespace, database = batch.database
WHEN NOT MATCHED THEN
    INSERT BY NAME;
