-- What runs tell of themselves beyond the view run: errors in full, engines, queries in other systems.
CREATE VIEW run_detail AS
SELECT
    facet.run_id,
    any_value(facet.namespace) AS job_namespace,
    any_value(facet.name) AS job_name,
    any_value(facet.body ->> '$.message') FILTER (facet.key = 'errorMessage') AS error_message,
    any_value(facet.body ->> '$.programmingLanguage') FILTER (facet.key = 'errorMessage') AS error_language,
    any_value(facet.body ->> '$.stackTrace') FILTER (facet.key = 'errorMessage') AS error_stack_trace,
    any_value(facet.body ->> '$.name') FILTER (facet.key = 'processing_engine') AS engine_name,
    any_value(facet.body ->> '$.version') FILTER (facet.key = 'processing_engine') AS engine_version,
    any_value(facet.body ->> '$.openlineageAdapterVersion') FILTER (facet.key = 'processing_engine') AS adapter_version,
    any_value(facet.body ->> '$.externalQueryId') FILTER (facet.key = 'externalQuery') AS external_query_id,
    any_value(facet.body ->> '$.source') FILTER (facet.key = 'externalQuery') AS external_query_source
FROM facet
WHERE
    facet.entity = 'run'
    AND facet.key IN ('errorMessage', 'processing_engine', 'externalQuery')
GROUP BY facet.run_id;

COMMENT ON VIEW run_detail IS
    'What runs tell of themselves beyond the view run: errors in full, engines, queries in other systems.';
COMMENT ON COLUMN run_detail.run_id IS 'The run.';
COMMENT ON COLUMN run_detail.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN run_detail.job_name IS 'Its job.';
COMMENT ON COLUMN run_detail.error_message IS 'Why the run failed.';
COMMENT ON COLUMN run_detail.error_language IS 'The programming language of the stack trace.';
COMMENT ON COLUMN run_detail.error_stack_trace IS 'Where in the code it failed.';
COMMENT ON COLUMN run_detail.engine_name IS 'What it ran in, such as spark.';
COMMENT ON COLUMN run_detail.engine_version IS 'Version of the engine.';
COMMENT ON COLUMN run_detail.adapter_version IS 'Version of the OpenLineage adapter that reports it.';
COMMENT ON COLUMN run_detail.external_query_id IS
    'Id of the query that it started in another system, to find in that system''s own history.';
COMMENT ON COLUMN run_detail.external_query_source IS 'That system, such as bigquery.';
