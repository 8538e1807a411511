-- Every facet, known to us or not: the newest of each key.
CREATE VIEW facet AS
WITH
    lasting AS (
        SELECT
            CASE WHEN dataset_id IS NULL THEN 'job' ELSE 'dataset' END AS entity,
            dataset_id,
            job_id,
            NULL::UUID AS run_key,
            key,
            event_time,
            event_id,
            document_id,
            body
        FROM store.facet_in_force
    ),
    -- Facets of runs, inputs and outputs belong to one run; those of jobs and datasets hold until replaced.
    passing_newest AS (
        SELECT
            entity,
            CASE WHEN entity != 'job' THEN dataset.canonical_id END AS dataset_id,
            CASE WHEN entity = 'job' THEN job_id END AS job_id,
            CASE WHEN entity IN ('input', 'output') THEN run_key END AS run_key,
            key,
            max({'event_time': event_time, 'event_id': event_id, 'document_id': document_id}) AS winner
        FROM store.passing_facet
        LEFT JOIN store.dataset USING (dataset_id)
        WHERE entity != 'run'
        GROUP BY ALL
    ),
    passing AS (
        SELECT
            passing_newest.* EXCLUDE (winner),
            winner.event_time AS event_time,
            winner.event_id AS event_id,
            winner.document_id AS document_id,
            document.body::JSON AS body
        FROM passing_newest
        JOIN store.document ON document.document_id = winner.document_id
        WHERE NOT (document.deleted AND entity IN ('job', 'dataset'))
    ),
    -- The facets of a run are not kept as rows but found in the skeletons of its events: with a mark read as a quote, a
    -- skeleton is JSON in which each facet is its document's id.
    run_facet AS (
        SELECT
            run.run_key,
            mark.key,
            max(
                {
                    'event_time': event.event_time,
                    'event_id': event.event_id,
                    'document_id': try_cast(mark.value ->> '$' AS UUID)
                }
            ) AS winner
        FROM store.run
        JOIN store.event ON event.run_key = run.run_key
        CROSS JOIN json_each(replace(event.skeleton, chr(1), '"')::JSON, '$.run.facets') AS mark
        WHERE mark.type = 'VARCHAR'
        GROUP BY
            run.run_key,
            mark.key
    ),
    running AS (
        SELECT
            'run' AS entity,
            run_facet.run_key,
            run_facet.key,
            winner.event_time AS event_time,
            winner.event_id AS event_id,
            winner.document_id AS document_id,
            document.body::JSON AS body
        FROM run_facet
        JOIN store.document ON document.document_id = winner.document_id
    ),
    facet AS (
        SELECT * FROM lasting
        UNION ALL BY NAME
        SELECT * FROM passing
        UNION ALL BY NAME
        SELECT * FROM running
    )
SELECT
    facet.entity,
    coalesce(dataset.namespace, job.namespace, run_job.namespace) AS namespace,
    coalesce(dataset.name, job.name, run_job.name) AS name,
    run.run_id,
    facet.key,
    facet.event_time,
    facet.body ->> '$._producer' AS producer,
    facet.body ->> '$._schemaURL' AS schema_url,
    facet.body,
    facet_problem.problem
FROM facet
LEFT JOIN store.dataset ON dataset.dataset_id = facet.dataset_id
LEFT JOIN store.job ON job.job_id = facet.job_id
LEFT JOIN store.run ON run.run_key = facet.run_key
LEFT JOIN store.job AS run_job ON run_job.job_id = run.job.job_id
LEFT JOIN store.facet_problem
    ON
        facet_problem.document_id = facet.document_id
        AND facet_problem.key = facet.key
        AND facet_problem.entity = facet.entity;

COMMENT ON VIEW facet IS 'Every facet, known to Headwater or not: the newest of each key.';
COMMENT ON COLUMN facet.entity IS 'What carries it: job, run, dataset, input or output.';
COMMENT ON COLUMN facet.namespace IS 'Namespace of the job or dataset; of the run''s job for a run.';
COMMENT ON COLUMN facet.name IS 'Name of the job or dataset; of the run''s job for a run.';
COMMENT ON COLUMN facet.run_id IS 'The run that it belongs to, for a run, input or output.';
COMMENT ON COLUMN facet.key IS 'Key of the facet, such as schema.';
COMMENT ON COLUMN facet.event_time IS 'Time of the newest event that carries it.';
COMMENT ON COLUMN facet.producer IS 'Its _producer.';
COMMENT ON COLUMN facet.schema_url IS 'Its _schemaURL.';
COMMENT ON COLUMN facet.body IS 'The facet.';
COMMENT ON COLUMN facet.problem IS 'Why Headwater could not read it, though it knows the key; else NULL.';
