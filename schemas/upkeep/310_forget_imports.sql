-- Forgets the imported rows of "forgettable_import".
CREATE OR REPLACE TEMP TABLE forgotten_result AS
SELECT row_id::UUID AS row_id
FROM forgettable_import;

DELETE FROM store.imported_result
USING forgotten_result
WHERE imported_result.row_id = forgotten_result.row_id;

DELETE FROM store.imported_metric
USING forgotten_result
WHERE imported_metric.row_id = forgotten_result.row_id;

DELETE FROM store.imported_incident
USING forgotten_result
WHERE imported_incident.row_id = forgotten_result.row_id;

DELETE FROM store.mirrored_row
USING forgotten_result
WHERE mirrored_row.row_id = forgotten_result.row_id;
