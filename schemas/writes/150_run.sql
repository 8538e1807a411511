-- What is known of a run is the greatest of what its events say, in whatever order they come: a structure begins with its
-- event's time and id, and a state with its rank before those, so that a late START does not reopen a finished run.
MERGE INTO store.run
USING (
    SELECT
        batch_run.*,
        single.lineage_id
    FROM batch_run
    LEFT JOIN (
        SELECT
            run_key,
            any_value(lineage_id) AS lineage_id
        FROM run_lineage
        GROUP BY run_key
        HAVING count(*) = 1
    ) AS single USING (run_key)
) AS batch ON run.run_key = batch.run_key
WHEN MATCHED THEN UPDATE SET
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
    lineage_id = batch.lineage_id
WHEN NOT MATCHED THEN INSERT BY NAME;
