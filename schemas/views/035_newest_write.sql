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
        FROM store.run
        WHERE run.lineage_id IS NOT NULL
        GROUP BY run.lineage_id
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
            shape_dataset.dataset_id
        FROM store.lineage_shape
        JOIN store.shape USING (shape_id)
        JOIN store.shape_dataset USING (shape_id)
        WHERE shape_dataset.direction = 'output' AND shape.job_type IS DISTINCT FROM 'TEST'
    )
SELECT
    output.dataset_id,
    CASE WHEN write.streaming THEN write.newest ELSE write.completed END.written_at AS written_at,
    CASE WHEN write.streaming THEN write.newest ELSE write.completed END.run_id AS run_id
FROM write
JOIN output USING (lineage_id)
WHERE CASE WHEN write.streaming THEN write.newest ELSE write.completed END IS NOT NULL;
