-- Which lineages were in use up to a moment, and which of them each job's newest finished run had.
--
-- A batch run counts when it completed, a streaming run, which may never end, as of its newest event. An event that declares
-- what is current by itself counts as of its time: a job or dataset event, or a stream's snapshot. What the snapshots of a run
-- say together is current only if none of them makes an edge by itself. A moment of NULL means now.
--
-- The runs, lineages and edges of that moment are named tables like store.job_run, store.lineage and store.lineage_edge.
CREATE MACRO store.lineage_use_of(runs, lineages, edges, ts) AS TABLE
WITH
    run_use AS (
        SELECT
            lineage_id,
            min(first_at) AS first_seen_at,
            max(last_at) AS last_seen_at,
            max({'event_time': last_at, 'run_id': run_id}) AS newest,
            max({'event_time': state.event_time, 'run_id': run_id}) FILTER (state.name = 'COMPLETE') AS completed
        FROM query_table(runs)
        GROUP BY lineage_id
    ),
    -- Looked up by themselves: a join with all runs would read them all.
    declaring_run AS (
        SELECT
            run.run_key,
            run.run_id
        FROM store.run
        SEMI JOIN store.declaration USING (run_key)
    ),
    declared_use AS (
        SELECT
            declaration.lineage_id,
            min(declaration.event_time) AS first_seen_at,
            max(declaration.event_time) AS last_seen_at,
            max({'event_time': declaration.event_time, 'run_id': coalesce(run.run_id, '')}) AS newest
        FROM store.declaration
        SEMI JOIN query_table(lineages) AS lineage ON lineage.lineage_id = declaration.lineage_id
        LEFT JOIN declaring_run AS run USING (run_key)
        WHERE ts IS NULL OR declaration.event_time <= ts
        GROUP BY declaration.lineage_id
    ),
    -- The first words of a stream that was started anew may be half of what it does, and a snapshot may be of a quiet window.
    telling AS (
        SELECT DISTINCT lineage_edge.lineage_id
        FROM query_table(edges) AS lineage_edge
    ),
    lineage_use AS (
        SELECT
            lineage.lineage_id,
            lineage.job_id,
            run_use.first_seen_at,
            run_use.last_seen_at,
            run_use.newest.run_id AS last_run_id,
            CASE
                WHEN NOT lineage.streaming THEN run_use.completed
                WHEN lineage.lineage_id IN (SELECT telling.lineage_id FROM telling) THEN run_use.newest
            END AS finished,
            NOT lineage.snapshots AS is_decided
        FROM run_use
        JOIN query_table(lineages) AS lineage ON lineage.lineage_id = run_use.lineage_id
        UNION ALL BY NAME
        SELECT
            lineage.lineage_id,
            lineage.job_id,
            dataset.canonical_id AS dataset_id,
            declared_use.first_seen_at,
            declared_use.last_seen_at,
            nullif(declared_use.newest.run_id, '') AS last_run_id,
            CASE
                WHEN
                    NOT lineage.snapshots
                    OR lineage.lineage_id IN (SELECT telling.lineage_id FROM telling)
                    THEN declared_use.newest
            END AS finished,
            true AS is_decided
        FROM declared_use
        JOIN query_table(lineages) AS lineage ON lineage.lineage_id = declared_use.lineage_id
        LEFT JOIN store.dataset ON dataset.dataset_id = lineage.dataset_id
    )
SELECT
    lineage_id,
    job_id,
    first_seen_at,
    last_seen_at,
    last_run_id,
    finished IS NOT NULL
    AND (is_decided, finished, lineage_id) = max((is_decided, finished, lineage_id)) FILTER (finished IS NOT NULL) OVER (
        PARTITION BY job_id, CASE WHEN job_id IS NULL THEN dataset_id END
    ) AS is_current
FROM lineage_use;
