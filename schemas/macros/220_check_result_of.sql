-- One row for each outcome of a check of the datasets asked for (canonical ids), and of those that belong to none.
CREATE MACRO store.check_result_of(facets) AS TABLE
WITH
    judged AS (
        SELECT
            *,
            try_cast(said.actual AS DOUBLE) AS failures,
            -- dbt sends the limit from which it fails: its error_if, or its warn_if if that is all that it does. 0 is
            -- its word for the usual one, "!= 0".
            regexp_extract(said.expected, '^(>=|<=|<>|!=|==|=|>|<|)\s*(-?\d+(?:\.\d+)?)$', ['operator', 'number']) AS limit_
        FROM store.sent_outcome_of(facets) AS sent_outcome
    ),
    measured AS (
        SELECT
            *,
            CASE limit_.operator
                WHEN '>' THEN failures > try_cast(limit_.number AS DOUBLE)
                WHEN '>=' THEN failures >= try_cast(limit_.number AS DOUBLE)
                WHEN '<' THEN failures < try_cast(limit_.number AS DOUBLE)
                WHEN '<=' THEN failures <= try_cast(limit_.number AS DOUBLE)
                WHEN '=' THEN failures = try_cast(limit_.number AS DOUBLE)
                WHEN '==' THEN failures = try_cast(limit_.number AS DOUBLE)
                ELSE failures != try_cast(limit_.number AS DOUBLE)
            END AS is_beyond_limit  -- NULL: cannot be told
        FROM judged
    ),
    decided AS (
        SELECT
            *,
            CASE
                WHEN said.status IN ('skip', 'skipped') THEN 'skipped'
                WHEN said.status IN ('error', 'errored') THEN 'errored'
                WHEN NOT said.failed THEN 'passed'
                WHEN is_skipped THEN 'skipped'
                -- dbt reports a test that it skipped as a failure, without an actual value or in an aborted run. An
                -- old one, which never sends a test's name, never sends the value.
                WHEN said.is_dbt AND (said.run_state = 'ABORT' OR (said.actual IS NULL AND said.has_name)) THEN 'skipped'
                -- ... and one that broke as a failure without failures.
                WHEN said.is_dbt AND said.run_state = 'FAIL' AND failures = 0 AND NOT is_beyond_limit THEN 'errored'
                ELSE 'failed'
            END AS status
        FROM measured
    ),
    sent AS (
        SELECT
            decided.check_name,
            dataset.namespace,
            dataset.name,
            decided.field,
            check_dimension.dimension,
            decided.status,
            CASE
                WHEN decided.status = 'passed' THEN 'valid'
                WHEN decided.status != 'failed' THEN NULL
                WHEN decided.said.severity IN ('warn', 'warning', 'info') THEN 'warning'
                WHEN decided.said.status IN ('warn', 'warning') THEN 'warning'
                WHEN decided.said.is_dbt AND NOT decided.is_beyond_limit THEN 'warning'
                -- A limit that we cannot read: dbt lets a run complete when it only warns.
                WHEN
                    decided.said.is_dbt AND decided.said.has_name
                    AND decided.is_beyond_limit IS NULL AND decided.said.run_state = 'COMPLETE'
                    THEN 'warning'
                WHEN decided.said.severity = 'fatal' THEN 'fatal'
                ELSE 'error'
            END AS severity,
            decided.said.expected AS expected,
            -- What was not run found nothing: dbt's structured logs say 0.
            CASE WHEN decided.status != 'skipped' THEN decided.said.actual END AS actual,
            decided.said.event_time AS executed_at,
            decided.said.tool AS tool,
            decided.said.run_id AS run_id,
            json_object('assertion', decided.said.assertion, 'configured_severity', decided.said.severity) AS details
        FROM decided
        LEFT JOIN store.dataset USING (dataset_id)
        LEFT JOIN store.check_dimension ON check_dimension.check_kind = lower(decided.said.assertion)
    )
SELECT * FROM sent
UNION ALL BY NAME
SELECT * FROM store.imported_check_result;
