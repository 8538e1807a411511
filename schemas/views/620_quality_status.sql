-- The state of data quality: of each dataset, of each of its dimensions, and of each of its fields.
CREATE VIEW quality_status AS
WITH
    check_state AS MATERIALIZED (
        FROM store.check_state
    ),
    rolled_up AS (
        SELECT
            check_state.namespace,
            check_state.name,
            check_state.field,
            check_state.dimension,
            grouping(check_state.field, check_state.dimension) AS level,
            max(check_state.level) FILTER (check_state.level < 4) AS current_level,
            max(check_state.highest_level) AS highest_level,
            max(check_state.executed_at) AS last_executed_at,
            count(*) AS executed_checks,
            count(*) FILTER (check_state.level = 0) AS valid,
            count(*) FILTER (check_state.level = 1) AS warnings,
            count(*) FILTER (check_state.level = 2) AS errors,
            count(*) FILTER (check_state.level = 3) AS fatals,
            count(*) FILTER (check_state.level = 4) AS execution_errors
        FROM check_state
        GROUP BY GROUPING SETS (
            (check_state.namespace, check_state.name),
            (check_state.namespace, check_state.name, check_state.dimension),
            (check_state.namespace, check_state.name, check_state.field)
        )
        -- NULL means rolled up: a check of the whole dataset, or of a dimension that is not known, is in the dataset's row.
        HAVING
            grouping(check_state.field, check_state.dimension) = 3
            OR check_state.field IS NOT NULL
            OR check_state.dimension IS NOT NULL
    ),
    -- A dataset without checks has a row too: it is not valid, it is not known.
    unchecked AS (
        SELECT
            dataset.namespace,
            dataset.name
        FROM main.dataset
        ANTI JOIN check_state
            ON
                check_state.namespace = dataset.namespace
                AND check_state.name = dataset.name
    ),
    status AS (
        SELECT * EXCLUDE (level) FROM rolled_up
        UNION ALL BY NAME
        SELECT
            unchecked.namespace,
            unchecked.name,
            0 AS executed_checks,
            0 AS valid,
            0 AS warnings,
            0 AS errors,
            0 AS fatals,
            0 AS execution_errors
        FROM unchecked
    )
SELECT
    status.namespace,
    status.name,
    status.field,
    status.dimension,
    ['valid', 'warning', 'error', 'fatal'][status.current_level + 1] AS current_severity,
    ['valid', 'warning', 'error', 'fatal'][status.highest_level + 1] AS highest_severity,
    status.last_executed_at,
    status.executed_checks,
    status.valid,
    status.warnings,
    status.errors,
    status.fatals,
    status.execution_errors,
    100.0 * (status.valid + status.warnings)
    / nullif(status.valid + status.warnings + status.errors + status.fatals, 0) AS kpi
FROM status;

COMMENT ON VIEW quality_status IS
    'The state of data quality: one row each for a dataset, a dataset and dimension, a dataset and field. NULL means rolled up.';
COMMENT ON COLUMN quality_status.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN quality_status.name IS 'Name of the dataset.';
COMMENT ON COLUMN quality_status.field IS 'The field; NULL: all fields, and the dataset as a whole.';
COMMENT ON COLUMN quality_status.dimension IS 'The dimension; NULL: all of them.';
COMMENT ON COLUMN quality_status.current_severity IS
    'The worst that the newest execution of each check found: valid, warning, error or fatal; NULL: no check found anything.';
COMMENT ON COLUMN quality_status.highest_severity IS 'The worst that any execution found.';
COMMENT ON COLUMN quality_status.last_executed_at IS 'When a check ran last.';
COMMENT ON COLUMN quality_status.executed_checks IS
    'How many checks there are that ran; the following count them by what they found last. Profiling is left out.';
COMMENT ON COLUMN quality_status.valid IS 'Checks that pass.';
COMMENT ON COLUMN quality_status.warnings IS 'Checks that fail with a warning.';
COMMENT ON COLUMN quality_status.errors IS 'Checks that fail with an error.';
COMMENT ON COLUMN quality_status.fatals IS 'Checks that fail fatally.';
COMMENT ON COLUMN quality_status.execution_errors IS
    'Checks that could not be executed. They count nowhere else, and set no severity.';
COMMENT ON COLUMN quality_status.kpi IS
    'Percentage of checks that pass or only warn, of those that could be executed; NULL: there is none.';
