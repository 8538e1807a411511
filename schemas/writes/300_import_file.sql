-- The files that were imported, each with its newest content.
MERGE INTO store.import_file AS stored
USING (
    WITH
        -- DuckDB 1.5 cannot push a join's filter on a UUID down into Arrow.
        batch AS MATERIALIZED (
            SELECT * FROM batch_import_file
        )
    SELECT * FROM batch
) AS batch
    ON stored.file_id = batch.file_id
WHEN MATCHED THEN
    UPDATE SET sha256 = batch.sha256, rows = batch.rows, imported_at = batch.imported_at
WHEN NOT MATCHED THEN
    INSERT BY NAME;
