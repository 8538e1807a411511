-- The imported results, numbers and incidents that are older than asked for, but for the newest of each check and number, and
-- what an open incident needs. What DQOps has taken back is history only. NULL keeps all of them.
CREATE MACRO store.forgettable_import(results_before) AS TABLE
WITH
    outcome AS (
        SELECT
            imported_outcome.*,
            replaced_row.row_id IS NOT NULL AS is_replaced
        FROM store.imported_outcome
        LEFT JOIN store.replaced_row USING (row_id)
    ),
    newest AS (
        SELECT
            outcome.namespace,
            outcome.name,
            outcome.field,
            outcome.check_name,
            outcome.tool,
            max(outcome.executed_at) AS executed_at
        FROM outcome
        WHERE NOT outcome.is_replaced AND outcome.status != 'skipped'
        GROUP BY
            outcome.namespace,
            outcome.name,
            outcome.field,
            outcome.check_name,
            outcome.tool
    )
SELECT outcome.row_id
FROM outcome
LEFT JOIN newest
    ON
        newest.namespace IS NOT DISTINCT FROM outcome.namespace
        AND newest.name IS NOT DISTINCT FROM outcome.name
        AND newest.field IS NOT DISTINCT FROM outcome.field
        AND newest.check_name = outcome.check_name
        AND newest.tool = outcome.tool
LEFT JOIN store.watched_check AS watched
    ON
        watched.namespace IS NOT DISTINCT FROM outcome.namespace
        AND watched.name IS NOT DISTINCT FROM outcome.name
        AND watched.field IS NOT DISTINCT FROM outcome.field
        AND watched.check_name = outcome.check_name
        AND watched.tool = outcome.tool
WHERE
    outcome.executed_at < results_before
    AND (
        outcome.is_replaced
        OR (
            outcome.executed_at < coalesce(newest.executed_at, 'infinity')
            AND outcome.executed_at < coalesce(watched.since, 'infinity')
        )
    )
UNION
SELECT metric.row_id
FROM store.imported_metric AS metric
WHERE metric.measured_at < results_before
QUALIFY
    metric.measured_at < max(metric.measured_at) OVER (
        PARTITION BY metric.tool, metric.source, metric.name, metric.field, metric.metric
    )
UNION
SELECT incident.row_id
FROM store.imported_incident AS incident
WHERE
    incident.status = 'resolved'
    AND coalesce(incident.last_seen_at, incident.first_seen_at) < results_before;
