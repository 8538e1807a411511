-- For each lineage and dataset that it outputs, the newest write: the end of a completed run; of a streaming run its newest
-- event. Later writes of other lineages are other rows.
CREATE VIEW store.newest_write AS
WITH
    finished AS (
        SELECT
            run.lineage_id,
            max({'written_at': run.state.event_time, 'run_id': run.run_id}) FILTER (run.state.name = 'COMPLETE')
                AS completed,
            max({'written_at': run.last_at, 'run_id': run.run_id}) AS newest
        FROM store.job_run AS run
        GROUP BY run.lineage_id
    ),
    -- A run that dropped a dataset looks like one that wrote it: these few are looked at run by run.
    dropped AS (
        SELECT DISTINCT dataset_id
        FROM store.lifecycle_change
        WHERE change = 'DROP'
    ),
    write AS (
        SELECT
            lineage_id,
            bool_or(lineage.streaming) AS streaming,
            any_value(finished.newest) AS newest,
            any_value(finished.completed) AS completed
        FROM finished
        JOIN store.lineage USING (lineage_id)
        GROUP BY lineage_id
    ),
    output AS (
        SELECT DISTINCT
            lineage_shape.lineage_id,
            dataset.canonical_id AS dataset_id
        FROM store.lineage_shape
        JOIN store.shape USING (shape_id)
        JOIN store.shape_dataset USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        WHERE shape_dataset.direction = 'output' AND shape.job_type IS DISTINCT FROM 'TEST'
    )
SELECT
    output.dataset_id,
    CASE WHEN write.streaming THEN write.newest ELSE write.completed END.written_at AS written_at,
    CASE WHEN write.streaming THEN write.newest ELSE write.completed END.run_id AS run_id
FROM write
JOIN output USING (lineage_id)
ANTI JOIN dropped ON dropped.dataset_id = output.dataset_id
WHERE CASE WHEN write.streaming THEN write.newest ELSE write.completed END IS NOT NULL
UNION ALL BY NAME
SELECT
    write.dataset_id,
    write.written_at,
    run.run_id
FROM store.write_of((SELECT list(dropped.dataset_id) FROM dropped), 'store.lifecycle_change') AS write
JOIN store.run USING (run_key);
