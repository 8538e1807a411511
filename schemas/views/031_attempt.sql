-- Who tried to write what, and when: one row for each run and each dataset that it names as an output.
--
-- The run of a test reads its dataset and writes nothing, whatever its events name.
CREATE VIEW store.attempt AS
WITH
    output AS (
        SELECT DISTINCT
            lineage_shape.lineage_id,
            shape.job_id,
            dataset.canonical_id AS dataset_id
        FROM store.lineage_shape
        JOIN store.shape USING (shape_id)
        JOIN store.shape_dataset USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        WHERE
            shape_dataset.direction = 'output'
            AND shape.job_type IS DISTINCT FROM 'TEST'
    )
SELECT
    output.dataset_id,
    run.run_key,
    run.lineage_id,
    output.job_id,
    coalesce(run.started_at, run.first_at) AS started_at,
    CASE WHEN run.state.rank = 3 THEN run.state.event_time END AS ended_at,
    run.state.name AS state,
    lineage.streaming
FROM store.job_run AS run
JOIN output
    ON
        output.lineage_id = run.lineage_id
        AND output.job_id = run.job_id
JOIN store.lineage
    ON
        lineage.lineage_id = output.lineage_id
        AND lineage.job_id = output.job_id;
