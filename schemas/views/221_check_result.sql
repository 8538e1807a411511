-- One row for each outcome of a data quality check, however often its events repeat it.
CREATE VIEW check_result AS
WITH
    facet AS (
        FROM store.dataset_facet_of(store.every_dataset())
    )
FROM store.check_result_of('facet');

COMMENT ON VIEW check_result IS
    'One row for each outcome of a data quality check, however often events repeat it; imported ones too.';
COMMENT ON COLUMN check_result.check_name IS 'The check, as its tool names it.';
COMMENT ON COLUMN check_result.namespace IS
    'Namespace of the dataset that was checked; NULL: the result names none, or a table that several datasets may be.';
COMMENT ON COLUMN check_result.name IS 'Name of the dataset that was checked; NULL as the namespace is.';
COMMENT ON COLUMN check_result.field IS 'The field that was checked; NULL: the dataset as a whole.';
COMMENT ON COLUMN check_result.dimension IS
    'Data quality dimension: Completeness, Uniqueness, Validity, Integrity, ...; NULL when the kind of check is not known.';
COMMENT ON COLUMN check_result.status IS
    'passed, failed, skipped (it was not run) or errored (it could not be).';
COMMENT ON COLUMN check_result.severity IS
    'How bad the outcome is: valid, warning, error or fatal; NULL unless passed or failed. Not the configured severity.';
COMMENT ON COLUMN check_result.expected IS 'What the check wanted, in the words of its tool.';
COMMENT ON COLUMN check_result.actual IS 'What it found.';
COMMENT ON COLUMN check_result.executed_at IS 'When it ran: the time of the newest event that reports it.';
COMMENT ON COLUMN check_result.tool IS 'Who ran it.';
COMMENT ON COLUMN check_result.run_id IS 'The run that ran it; NULL when an event without a run reports it.';
COMMENT ON COLUMN check_result.details IS 'The kind of assertion and the configured severity.';
