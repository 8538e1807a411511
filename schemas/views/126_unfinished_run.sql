-- Runs of batch jobs without an end. Nothing tells whether such a run goes on or died: how long it has been silent is a way of
-- looking, not a state.
CREATE VIEW unfinished_run AS
SELECT
    run.run_id,
    job.namespace AS job_namespace,
    job.name AS job_name,
    run.state.name AS state,
    coalesce(run.started_at, run.first_at) AS started_at,
    run.last_at AS last_event_at,
    now() - run.last_at AS silent_for
FROM store.run
JOIN store.job ON job.job_id = run.job.job_id
WHERE
    coalesce(run.state.rank, 0) < 3
    AND job.job_id NOT IN (
        SELECT shape.job_id
        FROM store.shape
        WHERE shape.processing_type IN ('STREAMING', 'SERVICE')
    );

COMMENT ON VIEW unfinished_run IS
    'Runs of batch jobs without an end: those that go on and those whose end was never told. WHERE silent_for > INTERVAL 1 DAY.';
COMMENT ON COLUMN unfinished_run.run_id IS 'The run.';
COMMENT ON COLUMN unfinished_run.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN unfinished_run.job_name IS 'Its job.';
COMMENT ON COLUMN unfinished_run.state IS 'RUNNING or OTHER; NULL when no event said.';
COMMENT ON COLUMN unfinished_run.started_at IS 'Its earliest START, or else its first event.';
COMMENT ON COLUMN unfinished_run.last_event_at IS 'Time of its newest event.';
COMMENT ON COLUMN unfinished_run.silent_for IS 'How long ago that is.';
