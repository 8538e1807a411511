-- What DQOps has overwritten or deleted since it was imported. DQOps keeps the last result of a check in each period only: a
-- failure that was repaired the same day is nowhere else.
CREATE VIEW replaced_check_result AS
SELECT
    imported_outcome.* EXCLUDE (row_id),
    replaced_row.replaced_at
FROM store.imported_outcome
JOIN store.replaced_row USING (row_id);

COMMENT ON VIEW replaced_check_result IS
    'Check results that DQOps has overwritten or deleted since they were imported; they are not in check_result any more.';
COMMENT ON COLUMN replaced_check_result.check_name IS 'The check, as its tool names it.';
COMMENT ON COLUMN replaced_check_result.namespace IS
    'Namespace of the dataset that was checked; NULL when the name that the tool gives means no known dataset.';
COMMENT ON COLUMN replaced_check_result.name IS 'Name of the dataset that was checked.';
COMMENT ON COLUMN replaced_check_result.field IS 'The field that was checked; NULL: the dataset as a whole.';
COMMENT ON COLUMN replaced_check_result.dimension IS 'Data quality dimension; NULL when it is not known.';
COMMENT ON COLUMN replaced_check_result.status IS 'passed, failed, skipped or errored.';
COMMENT ON COLUMN replaced_check_result.severity IS
    'How bad the outcome was: valid, warning, error or fatal; NULL unless passed or failed.';
COMMENT ON COLUMN replaced_check_result.expected IS 'What the check wanted.';
COMMENT ON COLUMN replaced_check_result.actual IS 'What it found.';
COMMENT ON COLUMN replaced_check_result.executed_at IS 'When it ran.';
COMMENT ON COLUMN replaced_check_result.tool IS 'Who ran it.';
COMMENT ON COLUMN replaced_check_result.run_id IS 'The run that ran it; DQOps has none.';
COMMENT ON COLUMN replaced_check_result.details IS 'What else the tool says.';
COMMENT ON COLUMN replaced_check_result.replaced_at IS 'When an import found it gone.';
