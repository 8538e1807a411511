-- The checks of incidents that are open, each with the moment from which its history is needed: when it last passed before it
-- failed, or first failed if it never passed.
CREATE VIEW store.watched_check AS
WITH
    failing AS (
        SELECT
            incident_check.namespace,
            incident_check.name,
            incident_check.field,
            incident_check.check_name,
            incident_check.tool,
            min(incident_check.first_failed_at) AS failed_at
        FROM main.incident_check
        JOIN main.incident USING (incident_id)
        WHERE incident.status IN ('open', 'acknowledged')
        GROUP BY
            incident_check.namespace,
            incident_check.name,
            incident_check.field,
            incident_check.check_name,
            incident_check.tool
    )
SELECT
    failing.namespace,
    failing.name,
    failing.field,
    failing.check_name,
    failing.tool,
    coalesce(max(check_result.executed_at), any_value(failing.failed_at)) AS since
FROM failing
LEFT JOIN main.check_result
    ON
        check_result.namespace IS NOT DISTINCT FROM failing.namespace
        AND check_result.name IS NOT DISTINCT FROM failing.name
        AND check_result.field IS NOT DISTINCT FROM failing.field
        AND check_result.check_name = failing.check_name
        AND check_result.tool = failing.tool
        AND check_result.status = 'passed'
        AND check_result.executed_at < failing.failed_at
GROUP BY
    failing.namespace,
    failing.name,
    failing.field,
    failing.check_name,
    failing.tool;
