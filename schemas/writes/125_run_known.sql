-- The runs of this batch that were there before it. This reads the ids of all runs, so it is done once.
--
-- A run goes on from the lineage that it has, unless some of the batch may be older than what is known of it, or it has several:
-- going through all events of a stream that has been running for months would cost more with each batch.
CREATE OR REPLACE TEMP TABLE run_known AS
WITH
    -- DuckDB 1.5 cannot push a filter on a UUID into Arrow.
    batch AS MATERIALIZED (
        SELECT
            run_key,
            first_at
        FROM batch_run
    )
SELECT
    run.rowid AS place,
    run.run_key,
    least(run.first_at, batch.first_at) AS first_at,
    run.lineage_id,
    batch.first_at > run.last_at
    AND run.run_key NOT IN (SELECT run_job.run_key FROM store.run_job) AS goes_on
FROM store.run
JOIN batch ON batch.run_key = run.run_key;

CREATE OR REPLACE TEMP TABLE retold AS
SELECT
    run_key,
    first_at
FROM run_known
WHERE NOT goes_on;
