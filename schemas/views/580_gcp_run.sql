-- What runs are in Google Cloud.
CREATE VIEW gcp_run AS
SELECT
    facet.run_id,
    any_value(facet.namespace) AS job_namespace,
    any_value(facet.name) AS job_name,
    max(facet.body ->> '$.dagRunId') AS dag_run_id,
    max(facet.body ->> '$.projectId') AS project_id,
    max(facet.body ->> '$.appId') AS app_id,
    max(facet.body ->> '$.appName') AS app_name,
    max(facet.body ->> '$.clusterName') AS cluster_name,
    max(facet.body ->> '$.clusterUuid') AS cluster_uuid,
    max(facet.body ->> '$.jobId') AS job_id,
    max(facet.body ->> '$.jobUuid') AS job_uuid,
    max(facet.body ->> '$.batchId') AS batch_id,
    max(facet.body ->> '$.batchUuid') AS batch_uuid,
    max(facet.body ->> '$.sessionId') AS session_id,
    max(facet.body ->> '$.sessionUuid') AS session_uuid,
    max(facet.body ->> '$.jobType') AS job_type,
    max(facet.body ->> '$.queryNodeName') AS query_node_name
FROM facet
WHERE
    facet.entity = 'run'
    AND facet.key IN ('gcp_composer_run', 'gcp_dataproc', 'gcp_dataproc_spark')
GROUP BY facet.run_id;

COMMENT ON VIEW gcp_run IS 'What runs are in Google Cloud: DAG runs of Composer, and jobs, batches and sessions of Dataproc.';
COMMENT ON COLUMN gcp_run.run_id IS 'The run.';
COMMENT ON COLUMN gcp_run.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN gcp_run.job_name IS 'Its job.';
COMMENT ON COLUMN gcp_run.dag_run_id IS 'The DAG run.';
COMMENT ON COLUMN gcp_run.project_id IS 'The project.';
COMMENT ON COLUMN gcp_run.app_id IS 'Id of the Spark application.';
COMMENT ON COLUMN gcp_run.app_name IS 'Name of the Spark application.';
COMMENT ON COLUMN gcp_run.cluster_name IS 'The cluster.';
COMMENT ON COLUMN gcp_run.cluster_uuid IS 'Id of the cluster.';
COMMENT ON COLUMN gcp_run.job_id IS 'The Dataproc job.';
COMMENT ON COLUMN gcp_run.job_uuid IS 'Id of the Dataproc job.';
COMMENT ON COLUMN gcp_run.batch_id IS 'The batch.';
COMMENT ON COLUMN gcp_run.batch_uuid IS 'Id of the batch.';
COMMENT ON COLUMN gcp_run.session_id IS 'The session.';
COMMENT ON COLUMN gcp_run.session_uuid IS 'Id of the session.';
COMMENT ON COLUMN gcp_run.job_type IS 'What kind of job it is, such as batch or session.';
COMMENT ON COLUMN gcp_run.query_node_name IS 'The node of the Spark plan that the run is.';
