-- The runs whose outputs a run really read: for each input, the newest completed write at or before the run started.
CREATE MACRO run_upstream(run) AS TABLE
WITH RECURSIVE
    touch AS MATERIALIZED (
        SELECT DISTINCT
            store_run.run_key,
            shape_dataset.direction,
            shape_dataset.dataset_id,
            coalesce(store_run.started_at, store_run.first_at) AS read_at,
            CASE
                WHEN lineage.streaming THEN store_run.last_at
                WHEN store_run.state.name = 'COMPLETE' THEN store_run.state.event_time
            END AS written_at
        FROM store.run AS store_run
        JOIN store.lineage USING (lineage_id)
        JOIN store.lineage_shape USING (lineage_id)
        JOIN store.shape
            ON
                shape.shape_id = lineage_shape.shape_id
                AND shape.job_id = lineage.job_id
        JOIN store.shape_dataset ON shape_dataset.shape_id = lineage_shape.shape_id
    ),
    -- Two runs that wrote one dataset in the same microsecond: the greater key stands for both, here as everywhere.
    write AS (
        SELECT
            dataset_id,
            written_at,
            max(run_key) AS run_key
        FROM touch
        WHERE direction = 'output' AND written_at IS NOT NULL
        GROUP BY
            dataset_id,
            written_at
    ),
    step AS MATERIALIZED (
        SELECT
            touch.run_key,
            write.run_key AS upstream_key
        FROM touch
        ASOF JOIN write
            ON
                write.dataset_id = touch.dataset_id
                AND write.written_at <= touch.read_at
        WHERE touch.direction = 'input'
    ),
    walk(run_key, depth) USING KEY (run_key) AS (
        SELECT
            run_key,
            0
        FROM store.run
        WHERE run_id = run
        UNION
        SELECT
            step.upstream_key,
            min(walk.depth) + 1
        FROM walk
        JOIN step ON step.run_key = walk.run_key
        LEFT JOIN recurring.walk AS seen ON seen.run_key = step.upstream_key
        WHERE seen.run_key IS NULL
        GROUP BY step.upstream_key
    )
SELECT
    store_run.run_id,
    job.namespace AS job_namespace,
    job.name AS job_name,
    store_run.state.name AS state,
    walk.depth
FROM walk
JOIN store.run AS store_run USING (run_key)
JOIN store.job ON job.job_id = store_run.job.job_id
WHERE walk.depth > 0
ORDER BY
    walk.depth,
    store_run.run_id;

COMMENT ON MACRO TABLE run_upstream IS
    'The runs whose outputs a run really read. FROM run_upstream(''run id''): run_id, job_namespace, job_name, state, depth.';
