-- Incidents of DQOps that were not imported before; one file may say the same twice.
INSERT INTO store.imported_incident BY NAME
SELECT DISTINCT ON (batch.row_id) batch.*
FROM batch_imported_incident AS batch
ANTI JOIN store.imported_incident USING (row_id);
