-- Jobs that have no id yet.
INSERT INTO store.job
SELECT
    batch.id,
    batch.namespace,
    batch.name
FROM batch_job AS batch
ANTI JOIN store.job ON job.job_id = batch.id;
