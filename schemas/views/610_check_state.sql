-- The state of each check: what its newest execution found, and the worst that it ever found.
--
-- A check is one of a tool, dataset and field, by its name; that another tool's check of the same name passed says nothing
-- about it. Skipped checks were not executed, and profiling only looks.
CREATE VIEW store.check_state AS
WITH
    executed AS (
        SELECT
            check_result.namespace,
            check_result.name,
            check_result.field,
            check_result.check_name,
            check_result.tool,
            check_result.dimension,
            check_result.executed_at,
            CASE
                WHEN check_result.status = 'errored' THEN 4
                WHEN check_result.severity = 'fatal' THEN 3
                WHEN check_result.severity = 'error' THEN 2
                WHEN check_result.severity = 'warning' THEN 1
                ELSE 0
            END AS level
        FROM main.check_result
        WHERE
            check_result.status IN ('passed', 'failed', 'errored')
            AND check_result.name IS NOT NULL
            AND (check_result.details ->> '$.check_type') IS DISTINCT FROM 'profiling'
    )
SELECT
    executed.namespace,
    executed.name,
    executed.field,
    executed.check_name,
    executed.tool,
    -- The worst of what was found at the same time, as for the partitions of a table; an execution error is worse still.
    max({'executed_at': executed.executed_at, 'level': executed.level}).executed_at AS executed_at,
    max({'executed_at': executed.executed_at, 'level': executed.level}).level AS level,
    max(executed.level) FILTER (executed.level < 4) AS highest_level,
    max({'executed_at': executed.executed_at, 'dimension': executed.dimension})
        FILTER (executed.dimension IS NOT NULL).dimension AS dimension
FROM executed
GROUP BY
    executed.namespace,
    executed.name,
    executed.field,
    executed.check_name,
    executed.tool;
