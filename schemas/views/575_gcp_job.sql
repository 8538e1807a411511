-- What jobs are in Google Cloud.
CREATE VIEW gcp_job AS
SELECT
    facet.namespace,
    facet.name,
    any_value(facet.body ->> '$.environmentName') FILTER (facet.key = 'gcp_composer_job') AS environment_name,
    any_value(facet.body ->> '$.dagId') FILTER (facet.key = 'gcp_composer_job') AS dag_id,
    any_value(facet.body ->> '$.taskId') FILTER (facet.key = 'gcp_composer_job') AS task_id,
    any_value(facet.body ->> '$.operator') FILTER (facet.key = 'gcp_composer_job') AS operator,
    any_value(facet.body ->> '$.airflowVersion') FILTER (facet.key = 'gcp_composer_job') AS airflow_version,
    any_value(facet.body ->> '$.composerVersion') FILTER (facet.key = 'gcp_composer_job') AS composer_version,
    any_value(facet.body ->> '$.displayName') FILTER (facet.key = 'gcp_lineage') AS display_name,
    any_value(facet.body ->> '$.origin.sourceType') FILTER (facet.key = 'gcp_lineage') AS origin_type,
    any_value(facet.body ->> '$.origin.name') FILTER (facet.key = 'gcp_lineage') AS origin_name
FROM facet
WHERE
    facet.entity = 'job'
    AND facet.key IN ('gcp_composer_job', 'gcp_lineage')
GROUP BY
    facet.namespace,
    facet.name;

COMMENT ON VIEW gcp_job IS 'What jobs are in Google Cloud: tasks of Composer, and how Dataplex shows them.';
COMMENT ON COLUMN gcp_job.namespace IS 'Namespace of the job.';
COMMENT ON COLUMN gcp_job.name IS 'Name of the job.';
COMMENT ON COLUMN gcp_job.environment_name IS 'The Composer environment.';
COMMENT ON COLUMN gcp_job.dag_id IS 'The DAG.';
COMMENT ON COLUMN gcp_job.task_id IS 'The task.';
COMMENT ON COLUMN gcp_job.operator IS 'The operator of the task.';
COMMENT ON COLUMN gcp_job.airflow_version IS 'Version of Airflow.';
COMMENT ON COLUMN gcp_job.composer_version IS 'Version of Composer.';
COMMENT ON COLUMN gcp_job.display_name IS 'What Dataplex shows.';
COMMENT ON COLUMN gcp_job.origin_type IS 'The service, such as COMPOSER or DATAPROC.';
COMMENT ON COLUMN gcp_job.origin_name IS 'The service''s resource.';
