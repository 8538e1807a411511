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
    -- A job may be known only as that of a parent run, or from a lineage facet.
    named AS (
        SELECT
            job_id,
            first_seen_at,
            last_seen_at
        FROM seen
        UNION ALL BY NAME
        SELECT job.job_id
        FROM store.job
        ANTI JOIN seen USING (job_id)
    ),
    execution AS (
        SELECT
            job.job_id AS job_id,
            last_at,
            run_id,
            state,
            parent
        FROM store.run
        UNION ALL BY NAME
        SELECT
            run_job.job_id,
            run_job.last_at,
            run.run_id,
            run_job.state
        FROM store.run_job
        JOIN store.run USING (run_key)
        WHERE run_job.job_id != run.job.job_id
    ),
    last_run AS (
        SELECT
            job_id,
            max({'last_at': last_at, 'run_id': run_id, 'state': state.name}) AS newest,
            max(parent) AS parent
        FROM execution
        GROUP BY job_id
    ),
    -- All in one pass; there is one facet of each key.
    said AS (
        SELECT
            job_id,
            any_value(body) FILTER (key = 'jobType') AS job_type,
            any_value(body) FILTER (key = 'documentation') AS documentation,
            any_value(body) FILTER (key = 'ownership') AS ownership,
            any_value(body) FILTER (key = 'sourceCodeLocation') AS source
        FROM store.facet_in_force
        WHERE key IN ('jobType', 'documentation', 'ownership', 'sourceCodeLocation')
        GROUP BY job_id
    )
SELECT
    job.namespace,
    job.name,
    upper(said.job_type ->> '$.jobType') AS job_type,
    upper(said.job_type ->> '$.processingType') AS processing_type,
    said.job_type ->> '$.integration' AS integration,
    last_run.parent.job_namespace AS parent_namespace,
    last_run.parent.job_name AS parent_name,
    said.documentation ->> '$.description' AS description,
    from_json(said.ownership -> '$.owners[*].name', '["VARCHAR"]') AS owners,
    said.source ->> '$.url' AS source_url,
    said.source ->> '$.version' AS source_version,
    named.first_seen_at,
    named.last_seen_at,
    last_run.newest.run_id AS last_run_id,
    last_run.newest.state AS last_run_state,
    said.documentation ->> '$.contentType' AS description_content_type,
    upper(said.job_type ->> '$.emissionPattern.eventTrigger') AS event_trigger,
    upper(said.job_type ->> '$.emissionPattern.eventContentMode') AS event_content_mode,
    try_cast(said.job_type ->> '$.emissionPattern.windowDuration' AS BIGINT) AS window_seconds,
    said.source ->> '$.type' AS source_type,
    said.source ->> '$.repoUrl' AS source_repository_url,
    said.source ->> '$.path' AS source_path,
    said.source ->> '$.branch' AS source_branch,
    said.source ->> '$.tag' AS source_tag,
    said.source ->> '$.pullRequestNumber' AS source_pull_request
FROM named
JOIN store.job USING (job_id)
LEFT JOIN last_run USING (job_id)
LEFT JOIN said ON said.job_id = named.job_id;

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
COMMENT ON COLUMN job.description_content_type IS 'How the description is written, such as text/markdown.';
COMMENT ON COLUMN job.event_trigger IS 'What makes it send an event: EVENT_BASED or PERIODIC; NULL when not said.';
COMMENT ON COLUMN job.event_content_mode IS
    'What an event holds: ACCUMULATIVE, or COMPLETE_SNAPSHOT of a window; NULL when not said.';
COMMENT ON COLUMN job.window_seconds IS 'Length of the window in seconds.';
COMMENT ON COLUMN job.source_type IS 'What keeps its code, such as git.';
COMMENT ON COLUMN job.source_repository_url IS 'The repository.';
COMMENT ON COLUMN job.source_path IS 'Where in the repository its code is.';
COMMENT ON COLUMN job.source_branch IS 'The branch.';
COMMENT ON COLUMN job.source_tag IS 'The tag.';
COMMENT ON COLUMN job.source_pull_request IS 'The pull request that brought the version that ran last.';
