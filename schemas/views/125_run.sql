-- Every run: one execution of a job. A run that was only named as the parent or root of another is a placeholder.
CREATE VIEW run AS
SELECT
    run.run_id,
    job.namespace AS job_namespace,
    job.name AS job_name,
    run.state.name AS state,
    -- Many producers send no START; the earliest event is then as near as can be known.
    coalesce(run.started_at, run.first_at) AS started_at,
    CASE WHEN run.state.rank = 3 THEN run.state.event_time END AS ended_at,
    run.nominal.start_at AS nominal_start_at,
    run.nominal.end_at AS nominal_end_at,
    run.parent.run_id AS parent_run_id,
    coalesce(run.parent.root_run_id, run_root.root_id) AS root_run_id,
    run.error.message AS error_message,
    run.source.version AS source_version,
    run.producer.uri AS producer,
    run.last_at AS last_event_at
FROM store.run
JOIN store.job ON job.job_id = run.job.job_id
LEFT JOIN store.run_root ON run_root.run_id = run.run_id
UNION ALL BY NAME
SELECT
    named.run_id,
    job.namespace AS job_namespace,
    job.name AS job_name
FROM (
    SELECT
        run_key,
        any_value(run_id) AS run_id,
        max(job_id) AS job_id
    FROM store.named_run
    ANTI JOIN store.run USING (run_key)
    GROUP BY run_key
) AS named
LEFT JOIN store.job USING (job_id);

COMMENT ON VIEW run IS 'Every run: one execution of a job.';
COMMENT ON COLUMN run.run_id IS 'Id of the run, as its producer sent it; not always a UUID.';
COMMENT ON COLUMN run.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN run.job_name IS 'Its job; the newest event''s, should events disagree.';
COMMENT ON COLUMN run.state IS
    'RUNNING, COMPLETE, FAIL, ABORT or OTHER; NULL when no event said. A late START does not reopen a run.';
COMMENT ON COLUMN run.started_at IS 'Time of its earliest START, or of its earliest event if there is none.';
COMMENT ON COLUMN run.ended_at IS 'Time of the event that ended it; NULL while it runs.';
COMMENT ON COLUMN run.nominal_start_at IS 'When it was scheduled for.';
COMMENT ON COLUMN run.nominal_end_at IS 'End of the interval it was scheduled for.';
COMMENT ON COLUMN run.parent_run_id IS 'The run that started it.';
COMMENT ON COLUMN run.root_run_id IS 'The outermost run that it is part of: the one that it names, else the end of the chain of parents; NULL in a circle of them.';
COMMENT ON COLUMN run.error_message IS 'Why it failed.';
COMMENT ON COLUMN run.source_version IS 'Which version of the job''s code ran.';
COMMENT ON COLUMN run.producer IS 'Who sent its newest event.';
COMMENT ON COLUMN run.last_event_at IS 'Time of its newest event; NULL: a placeholder, named by other runs only.';
