-- The lineages of runs, from their events: a row for each run and each of its jobs, the shapes in the order of their newest
-- events. "told" is the name of a table of events: run_key, job_id, shape_id, event_time, event_id.
CREATE MACRO store.run_lineage_of(told) AS TABLE
WITH
    run_shape AS (
        SELECT
            event.run_key,
            event.job_id,
            event.shape_id,
            max({'event_time': event.event_time, 'event_id': event.event_id}) AS newest
        FROM query_table(told) AS event
        GROUP BY
            event.run_key,
            event.job_id,
            event.shape_id
    )
SELECT
    run_shape.run_key,
    run_shape.job_id,
    list(run_shape.shape_id ORDER BY run_shape.newest) AS shapes,
    md5_number_lower(list(run_shape.shape_id ORDER BY run_shape.newest)::VARCHAR) AS lineage_id
FROM run_shape
GROUP BY
    run_shape.run_key,
    run_shape.job_id;
