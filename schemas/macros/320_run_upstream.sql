-- The runs whose outputs a run really read: for each input, the newest write at or before the run started.
--
-- A run may write what it reads. It never reads what it has written itself, though, even if one event says that both happened
-- at one moment: then the write before counts.
CREATE MACRO run_upstream(run) AS TABLE
WITH RECURSIVE
    input AS MATERIALIZED (
        SELECT DISTINCT
            lineage_shape.lineage_id,
            dataset.canonical_id AS dataset_id
        FROM store.lineage_shape
        JOIN store.shape USING (shape_id)
        JOIN store.shape_dataset USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        WHERE shape_dataset.direction = 'input'
    ),
    -- What could be reached at all, so that only the writes of these datasets are looked at.
    reach AS MATERIALIZED (
        FROM store.ever_upstream_of(
            (
                SELECT list(DISTINCT input.dataset_id)
                FROM store.job_run AS asked
                JOIN input USING (lineage_id)
                WHERE asked.run_id = run
            )
        )
    ),
    -- Two runs that wrote one dataset in the same microsecond: the greater key stands for both, here as everywhere.
    write AS MATERIALIZED (
        SELECT
            write.dataset_id,
            write.written_at,
            write.run_key,
            write.lineage_id,
            write.started_at
        FROM store.write_of((SELECT list(reach.dataset_id) FROM reach), 'store.lifecycle_change') AS write
    ),
    walk(run_key, lineage_id, read_at, depth) USING KEY (run_key) AS (
        SELECT
            asked.run_key,
            asked.lineage_id,
            max(coalesce(asked.started_at, asked.first_at)),
            0
        FROM store.job_run AS asked
        WHERE asked.run_id = run
        GROUP BY
            asked.run_key,
            asked.lineage_id
        UNION
        SELECT
            step.newest.run_key,
            any_value(step.newest.lineage_id),
            max(step.newest.started_at),
            min(step.depth) + 1
        FROM (
            SELECT
                walk.run_key,
                input.dataset_id,
                walk.depth,
                max(
                    {
                        'written_at': write.written_at,
                        'run_key': write.run_key,
                        'lineage_id': write.lineage_id,
                        'started_at': write.started_at
                    }
                ) AS newest
            FROM walk
            JOIN input ON input.lineage_id = walk.lineage_id
            JOIN write
                ON
                    write.dataset_id = input.dataset_id
                    AND write.written_at <= walk.read_at
                    AND write.run_key != walk.run_key
            GROUP BY
                walk.run_key,
                input.dataset_id,
                walk.depth
        ) AS step
        LEFT JOIN recurring.walk AS seen ON seen.run_key = step.newest.run_key
        WHERE seen.run_key IS NULL
        GROUP BY step.newest.run_key
    )
SELECT
    upstream.run_id,
    job.namespace AS job_namespace,
    job.name AS job_name,
    upstream.state.name AS state,
    walk.depth
FROM walk
JOIN store.run AS upstream USING (run_key)
JOIN store.job ON job.job_id = upstream.job.job_id
WHERE walk.depth > 0
ORDER BY
    walk.depth,
    upstream.run_id;

COMMENT ON MACRO TABLE run_upstream IS
    'The runs whose outputs a run really read. FROM run_upstream(''run id''): run_id, job_namespace, job_name, state, depth.';
