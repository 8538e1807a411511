-- Which lineages were in use up to a moment, and which of them each job's newest finished run had.
--
-- A batch run counts when it completed, a streaming run as of its newest event, a declaration (a job or dataset event) as of
-- its time. NULL means now.
CREATE MACRO store.lineage_use_at(ts) AS TABLE
WITH
    run_use AS (
        SELECT
            lineage_id,
            min(first_at) AS first_seen_at,
            max(least(last_at, ts)) AS last_seen_at,
            max({'event_time': least(last_at, ts), 'run_id': run_id}) AS newest,
            max({'event_time': state.event_time, 'run_id': run_id})
                FILTER (state.name = 'COMPLETE' AND (ts IS NULL OR state.event_time <= ts)) AS completed
        FROM store.run
        WHERE
            lineage_id IS NOT NULL
            AND (ts IS NULL OR first_at <= ts)
        GROUP BY lineage_id
    ),
    declared_use AS (
        SELECT
            lineage_id,
            min(event_time) AS first_seen_at,
            max(event_time) AS last_seen_at
        FROM store.declaration
        WHERE ts IS NULL OR event_time <= ts
        GROUP BY lineage_id
    ),
    lineage_use AS (
        SELECT
            lineage.lineage_id,
            lineage.job_id,
            lineage.dataset_id,
            run_use.first_seen_at,
            run_use.last_seen_at,
            run_use.newest.run_id AS last_run_id,
            CASE WHEN lineage.streaming THEN run_use.newest ELSE run_use.completed END AS finished
        FROM run_use
        JOIN store.lineage USING (lineage_id)
        UNION ALL BY NAME
        SELECT
            lineage.lineage_id,
            lineage.job_id,
            lineage.dataset_id,
            declared_use.first_seen_at,
            declared_use.last_seen_at,
            NULL AS last_run_id,
            {'event_time': declared_use.last_seen_at, 'run_id': ''} AS finished
        FROM declared_use
        JOIN store.lineage USING (lineage_id)
    )
SELECT
    lineage_id,
    job_id,
    first_seen_at,
    last_seen_at,
    last_run_id,
    finished IS NOT NULL
    AND (finished, lineage_id) = max((finished, lineage_id)) FILTER (finished IS NOT NULL) OVER (
        PARTITION BY job_id, CASE WHEN job_id IS NULL THEN dataset_id END
    ) AS is_current
FROM lineage_use;
