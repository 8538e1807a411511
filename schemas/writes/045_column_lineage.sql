-- The pairs of columns inside new columnLineage facets.
INSERT INTO store.column_lineage
SELECT batch.*
FROM batch_column_lineage AS batch
ANTI JOIN store.column_lineage USING (document_id);
