-- Every job that an event named.
CREATE VIEW job AS
WITH
    seen AS (
        SELECT
            shape.job_id,
            min(shape_seen.first_seen_at) AS first_seen_at,
            max(shape_seen.newest.event_time) AS last_seen_at
        FROM store.shape
        JOIN store.shape_seen USING (shape_id)
        WHERE shape.job_id IS NOT NULL
        GROUP BY shape.job_id
    ),
    last_run AS (
        SELECT
            job.job_id AS job_id,
            max({'last_at': last_at, 'run_id': run_id, 'state': state.name}) AS newest,
            max(parent) AS parent
        FROM store.run
        GROUP BY job.job_id
    )
SELECT
    job.namespace,
    job.name,
    job_type.body ->> '$.jobType' AS job_type,
    job_type.body ->> '$.processingType' AS processing_type,
    job_type.body ->> '$.integration' AS integration,
    last_run.parent.job_namespace AS parent_namespace,
    last_run.parent.job_name AS parent_name,
    documentation.body ->> '$.description' AS description,
    from_json(ownership.body -> '$.owners[*].name', '["VARCHAR"]') AS owners,
    source.body ->> '$.url' AS source_url,
    source.body ->> '$.version' AS source_version,
    seen.first_seen_at,
    seen.last_seen_at,
    last_run.newest.run_id AS last_run_id,
    last_run.newest.state AS last_run_state
FROM seen
JOIN store.job USING (job_id)
LEFT JOIN last_run USING (job_id)
LEFT JOIN store.facet_in_force AS job_type ON job_type.job_id = seen.job_id AND job_type.key = 'jobType'
LEFT JOIN store.facet_in_force AS documentation
    ON documentation.job_id = seen.job_id AND documentation.key = 'documentation'
LEFT JOIN store.facet_in_force AS ownership ON ownership.job_id = seen.job_id AND ownership.key = 'ownership'
LEFT JOIN store.facet_in_force AS source ON source.job_id = seen.job_id AND source.key = 'sourceCodeLocation';

COMMENT ON VIEW job IS 'Every job that an event named.';
COMMENT ON COLUMN job.namespace IS 'Namespace of the job, usually of its scheduler.';
COMMENT ON COLUMN job.name IS 'Its name there.';
COMMENT ON COLUMN job.job_type IS 'What it is, such as MODEL, TEST, DAG, TASK or QUERY.';
COMMENT ON COLUMN job.processing_type IS 'BATCH, STREAMING or SERVICE.';
COMMENT ON COLUMN job.integration IS 'Who reports it, such as DBT, AIRFLOW or SPARK.';
COMMENT ON COLUMN job.parent_namespace IS 'Namespace of the job that started its newest run.';
COMMENT ON COLUMN job.parent_name IS 'The job that started its newest run.';
COMMENT ON COLUMN job.description IS 'What the job is for.';
COMMENT ON COLUMN job.owners IS 'Who answers for it.';
COMMENT ON COLUMN job.source_url IS 'Where its code is.';
COMMENT ON COLUMN job.source_version IS 'Which version of its code ran last.';
COMMENT ON COLUMN job.first_seen_at IS 'Time of the earliest event that named it.';
COMMENT ON COLUMN job.last_seen_at IS 'Time of the newest event that named it.';
COMMENT ON COLUMN job.last_run_id IS 'Its newest run.';
COMMENT ON COLUMN job.last_run_state IS 'State of its newest run.';
