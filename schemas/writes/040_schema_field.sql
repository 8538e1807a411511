-- The fields inside new schema facets.
INSERT INTO store.schema_field
SELECT batch.*
FROM batch_schema_field AS batch
ANTI JOIN store.schema_field USING (document_id);
