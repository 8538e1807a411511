-- Of a run id that several jobs share, each job has its own story, made anew from its events.

-- Only if there is any shared_run:
SET VARIABLE oldest_shared = (
    SELECT min(first_at)
    FROM store.run
    SEMI JOIN shared_run USING (run_key)
);

DELETE FROM store.run_job
USING shared_run
WHERE run_job.run_key = shared_run.run_key;

INSERT INTO store.run_job BY NAME
WITH
    shared_event AS (
        SELECT
            event.run_key,
            shape.job_id,
            event.event_type,
            event.event_time,
            event.event_id
        FROM store.event
        SEMI JOIN shared_run USING (run_key)
        JOIN store.shape USING (shape_id)
        WHERE event.event_time >= getvariable('oldest_shared')
    )
SELECT
    life.*,
    run_lineage.lineage_id
FROM store.run_life_of('shared_event') AS life
JOIN run_lineage USING (run_key, job_id);
