-- Who tried to write the datasets asked for (canonical ids), and when: one row for each run and each dataset that it names as an
-- output. "runs" is the name of a table like store.job_run.
--
-- The run of a test reads its dataset and writes nothing, whatever its events name.
CREATE MACRO store.attempt_of(dataset_ids, runs) AS TABLE
WITH
    output AS MATERIALIZED (
        SELECT DISTINCT
            lineage_shape.lineage_id,
            shape.job_id,
            known.canonical_id AS dataset_id,
            lineage.streaming
        FROM store.dataset_known_as(dataset_ids) AS known
        JOIN store.shape_dataset USING (dataset_id)
        JOIN store.shape USING (shape_id)
        JOIN store.lineage_shape USING (shape_id)
        JOIN store.lineage
            ON
                lineage.lineage_id = lineage_shape.lineage_id
                AND lineage.job_id = shape.job_id
        WHERE
            shape_dataset.direction = 'output'
            AND shape.job_type IS DISTINCT FROM 'TEST'
    )
SELECT
    output.dataset_id,
    run.run_key,
    run.lineage_id,
    run.job_id,
    coalesce(run.started_at, run.first_at) AS started_at,
    CASE WHEN run.state.rank = 3 THEN run.state.event_time END AS ended_at,
    run.state.name AS state,
    output.streaming
FROM output
JOIN query_table(runs) AS run
    ON
        run.lineage_id = output.lineage_id
        AND run.job_id = output.job_id;
