-- The check results of imported files, with the columns of check_result. Those that DQOps wrote and has taken back since
-- are in replaced_check_result.
CREATE VIEW store.imported_check_result AS
SELECT imported_outcome.* EXCLUDE (row_id)
FROM store.imported_outcome
ANTI JOIN store.replaced_row USING (row_id);
