-- What DQOps measured that were not imported before; one file may say the same twice.
INSERT INTO store.imported_metric BY NAME
SELECT DISTINCT ON (batch.row_id) batch.*
FROM batch_imported_metric AS batch
ANTI JOIN store.imported_metric USING (row_id);
