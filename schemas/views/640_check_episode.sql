-- Each time that a check failed, from its first failure to the pass that ended it.
--
-- A check that was skipped or could not be executed neither failed nor passed. The executions of a check are collected
-- first, so that the names are compared once, checks that never failed are left out early, and what must be put in order
-- is three numbers: a million results take half a second of CPU.
CREATE VIEW store.check_episode AS
WITH
    failing AS MATERIALIZED (
        SELECT
            check_result.namespace,
            check_result.name,
            check_result.field,
            check_result.check_name,
            check_result.tool,
            row_number() OVER () AS check_id,
            max(check_result.dimension) AS dimension,
            list(
                {
                    'moment': check_result.executed_at,
                    'level': CASE check_result.severity
                        WHEN 'fatal' THEN 3
                        WHEN 'error' THEN 2
                        WHEN 'warning' THEN 1
                        ELSE 0
                    END
                }
            ) AS executions
        FROM main.check_result
        WHERE
            check_result.status IN ('passed', 'failed')
            AND (check_result.details ->> '$.check_type') IS DISTINCT FROM 'profiling'
        GROUP BY
            check_result.namespace,
            check_result.name,
            check_result.field,
            check_result.check_name,
            check_result.tool
        HAVING bool_or(check_result.status = 'failed')
    ),
    execution AS (
        SELECT
            check_id,
            unnest(executions) AS found
        FROM failing
    ),
    judged AS (
        SELECT
            check_id,
            found.moment AS moment,
            found.level AS level,
            -- A check may say both at one moment, as for the partitions of a table: that it failed counts.
            min(found.moment) FILTER (found.level = 0) OVER (
                PARTITION BY check_id
                ORDER BY found.moment, found.level DESC
                ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            ) AS passed_at
        FROM execution
    ),
    episode AS (
        SELECT
            check_id,
            passed_at,
            max(level) AS level,
            min(moment) AS first_failed_at,
            max(moment) AS last_failed_at
        FROM judged
        WHERE level > 0
        GROUP BY check_id, passed_at
    )
SELECT
    failing.namespace,
    failing.name,
    failing.field,
    failing.check_name,
    failing.tool,
    failing.dimension,
    episode.level,
    episode.first_failed_at,
    episode.last_failed_at,
    episode.passed_at  -- NULL: still failing
FROM episode
JOIN failing USING (check_id);
