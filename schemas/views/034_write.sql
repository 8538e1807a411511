-- Who wrote what, and when: the outputs of a completed run at the run's end, those of a streaming run at each of its events.
CREATE VIEW store.write AS
SELECT
    attempt.dataset_id,
    attempt.run_key,
    attempt.lineage_id,
    attempt.job_id,
    attempt.started_at,
    attempt.ended_at AS written_at
FROM store.attempt
-- Dropping a dataset leaves nothing to be read.
ANTI JOIN store.lifecycle_change AS dropped
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
FROM store.attempt
JOIN store.event ON event.run_key = attempt.run_key
WHERE attempt.streaming;
