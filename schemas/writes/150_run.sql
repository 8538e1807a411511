-- What is known of a run is the greatest of what its events say, in whatever order they come: a structure begins with its
-- event's time and id, and a state with its rank before those, so that a late START does not reopen a finished run.
INSERT INTO store.run BY NAME
SELECT
    batch.*,
    told.lineage_id
FROM batch_run AS batch
ANTI JOIN run_known ON run_known.run_key = batch.run_key
LEFT JOIN (
    FROM run_lineage
    ANTI JOIN shared_run USING (run_key)
) AS told ON told.run_key = batch.run_key;

-- Only if there is any run_known:
WITH
    -- DuckDB 1.5 cannot push a filter on a UUID into Arrow.
    batch AS MATERIALIZED (
        SELECT * FROM batch_run
    )
UPDATE store.run
SET
    first_at = least(run.first_at, batch.first_at),
    started_at = least(run.started_at, batch.started_at),
    last_at = greatest(run.last_at, batch.last_at),
    state = greatest(run.state, batch.state),
    job = greatest(run.job, batch.job),
    producer = greatest(run.producer, batch.producer),
    nominal = greatest(run.nominal, batch.nominal),
    parent = greatest(run.parent, batch.parent),
    error = greatest(run.error, batch.error),
    source = greatest(run.source, batch.source),
    lineage_id = told.lineage_id
FROM run_known
JOIN batch ON batch.run_key = run_known.run_key
LEFT JOIN (
    FROM run_lineage
    ANTI JOIN shared_run USING (run_key)
) AS told ON told.run_key = run_known.run_key
WHERE run.rowid = run_known.place;
