-- Results of checks that were not imported before; one file may say the same twice.
INSERT INTO store.imported_result BY NAME
SELECT DISTINCT ON (batch.row_id) batch.*
FROM batch_imported_result AS batch
ANTI JOIN store.imported_result USING (row_id);
