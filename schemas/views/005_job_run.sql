-- Runs that have a lineage, as their job had them. A run id that several jobs share is a run of each.
CREATE VIEW store.job_run AS
SELECT
    run_key,
    run_id,
    job.job_id AS job_id,
    lineage_id,
    first_at,
    started_at,
    last_at,
    last_at AS run_last_at,  -- of all its jobs
    state,
    source,
    error
FROM store.run
WHERE lineage_id IS NOT NULL
UNION ALL BY NAME
SELECT
    run_job.*,
    run.run_id,
    run.last_at AS run_last_at,
    run.source,
    run.error
FROM store.run_job
JOIN store.run USING (run_key);
