-- One row for each outcome of a data quality check, however often its events repeat it.
CREATE VIEW check_result AS
WITH
    -- START and the end of a test run carry the same assertions, and some producers put them under both facets and
    -- inputFacets. The newest of a finished run counts, once.
    said AS (
        SELECT
            facet.run_key,
            facet.dataset_id,
            facet.event_time,
            facet.event_id,
            facet.document_id
        FROM store.passing_facet_in_force AS facet
        LEFT JOIN store.run USING (run_key)
        WHERE
            facet.key = 'dataQualityAssertions'
            AND facet.dataset_id IS NOT NULL
            AND NOT facet.deleted
            AND (facet.run_key IS NULL OR run.state.rank = 3)
    ),
    outcome AS (
        SELECT
            said.run_key,
            said.dataset_id,
            assertion.field,
            coalesce(assertion.name, assertion.assertion) AS check_name,
            max(
                {
                    'event_time': said.event_time,
                    'event_id': said.event_id,
                    -- One check may be said twice in one facet, with other limits: that it failed counts.
                    'failed': NOT assertion.success,
                    'assertion': assertion.assertion,
                    'severity': lower(assertion.severity),
                    'expected': assertion.expected,
                    'actual': assertion.actual
                }
            ) AS said
        FROM said
        JOIN store.assertion USING (document_id)
        GROUP BY ALL
    ),
    judged AS (
        SELECT
            outcome.*,
            run.run_id,
            run.state.name AS run_state,
            run.producer.uri LIKE '%/integration/dbt%' AS is_dbt,
            CASE
                WHEN run.producer.uri LIKE '%/integration/dbt%' THEN 'dbt'
                WHEN run.producer.uri ILIKE '%great%expectations%' THEN 'great_expectations'
                WHEN run.producer.uri ILIKE '%airflow%' THEN 'airflow'
                ELSE 'openlineage'
            END AS tool
        FROM outcome
        LEFT JOIN store.run USING (run_key)
    ),
    decided AS (
        SELECT
            *,
            CASE
                WHEN NOT said.failed THEN 'passed'
                -- dbt reports a test that it skipped as a failure, without an actual value or in an aborted run.
                WHEN is_dbt AND (said.actual IS NULL OR run_state = 'ABORT') THEN 'skipped'
                ELSE 'failed'
            END AS status,
            -- dbt sends its error_if as the expectation ("> 100"): a failure that does not meet it is a warning.
            is_dbt
            AND regexp_matches(said.expected, '^\s*>=?\s*\d+\s*$')
            AND try_cast(said.actual AS DOUBLE) < try_cast(regexp_extract(said.expected, '(\d+)', 1) AS DOUBLE)
            + CASE WHEN said.expected LIKE '%=%' THEN 0 ELSE 0.5 END AS is_below_error_if
        FROM judged
    )
SELECT
    decided.check_name,
    dataset.namespace,
    dataset.name,
    decided.field,
    assertion_dimension.dimension,
    decided.status,
    CASE
        WHEN decided.status = 'passed' THEN 'valid'
        WHEN decided.status = 'skipped' THEN NULL
        WHEN decided.said.severity IN ('warn', 'warning', 'info') OR decided.is_below_error_if THEN 'warning'
        WHEN decided.said.severity = 'fatal' THEN 'fatal'
        ELSE 'error'
    END AS severity,
    decided.said.expected AS expected,
    decided.said.actual AS actual,
    decided.said.event_time AS executed_at,
    decided.tool,
    decided.run_id,
    json_object('assertion', decided.said.assertion, 'configured_severity', decided.said.severity) AS details
FROM decided
JOIN store.dataset USING (dataset_id)
LEFT JOIN store.assertion_dimension ON assertion_dimension.assertion = lower(decided.said.assertion);

COMMENT ON VIEW check_result IS
    'One row for each outcome of a data quality check, however often its events repeat it.';
COMMENT ON COLUMN check_result.check_name IS 'The check, as its tool names it.';
COMMENT ON COLUMN check_result.namespace IS 'Namespace of the dataset that was checked.';
COMMENT ON COLUMN check_result.name IS 'Name of the dataset that was checked.';
COMMENT ON COLUMN check_result.field IS 'The field that was checked; NULL: the dataset as a whole.';
COMMENT ON COLUMN check_result.dimension IS
    'Data quality dimension: Completeness, Uniqueness, Validity, Integrity, ...; NULL when the kind of check is not known.';
COMMENT ON COLUMN check_result.status IS 'passed, failed, skipped or errored.';
COMMENT ON COLUMN check_result.severity IS
    'How bad the outcome is: valid, warning, error or fatal; NULL unless passed or failed. Not the configured severity.';
COMMENT ON COLUMN check_result.expected IS 'What the check wanted, in the words of its tool.';
COMMENT ON COLUMN check_result.actual IS 'What it found.';
COMMENT ON COLUMN check_result.executed_at IS 'When it ran: the time of the event that reports it.';
COMMENT ON COLUMN check_result.tool IS 'Who ran it.';
COMMENT ON COLUMN check_result.run_id IS 'The run that ran it.';
COMMENT ON COLUMN check_result.details IS 'The kind of assertion and the configured severity.';
