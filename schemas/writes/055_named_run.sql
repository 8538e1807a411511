-- Runs that new parent facets name.
INSERT INTO store.named_run
SELECT batch.*
FROM batch_named_run AS batch
ANTI JOIN store.named_run
    ON
        named_run.run_key = batch.run_key
        AND named_run.job_id IS NOT DISTINCT FROM batch.job_id;
