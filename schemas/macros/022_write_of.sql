-- Who wrote the datasets asked for (canonical ids), and when: the outputs of a completed run at the run's end, those of a
-- streaming run at each of its events. "changes" is the name of a table like store.lifecycle_change.
CREATE MACRO store.write_of(dataset_ids, changes) AS TABLE
WITH
    attempt AS MATERIALIZED (
        FROM store.attempt_of(dataset_ids, 'store.job_run')
    )
SELECT
    attempt.dataset_id,
    attempt.run_key,
    attempt.lineage_id,
    attempt.job_id,
    attempt.started_at,
    attempt.ended_at AS written_at
FROM attempt
-- Dropping a dataset leaves nothing to be read.
ANTI JOIN query_table(changes) AS dropped
    ON
        dropped.run_key = attempt.run_key
        AND dropped.dataset_id = attempt.dataset_id
        AND dropped.change = 'DROP'
WHERE attempt.state = 'COMPLETE' AND NOT attempt.streaming
UNION ALL BY NAME
SELECT
    attempt.dataset_id,
    attempt.run_key,
    attempt.lineage_id,
    attempt.job_id,
    event.event_time AS started_at,  -- a stream reads as it writes
    event.event_time AS written_at
FROM attempt
JOIN store.event ON event.run_key = attempt.run_key
WHERE attempt.streaming;
