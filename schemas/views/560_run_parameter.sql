-- What runs were started with: parameters, and variables of their environment.
CREATE VIEW run_parameter AS
WITH
    said AS (
        SELECT
            facet.run_id,
            facet.namespace,
            facet.name,
            CASE facet.key WHEN 'executionParameters' THEN 'parameter' ELSE 'environment' END AS kind,
            unnest(
                from_json(
                    coalesce(facet.body -> '$.parameters', facet.body -> '$.environmentVariables'),
                    '[{"key": "VARCHAR", "name": "VARCHAR", "description": "VARCHAR", "value": "VARCHAR"}]'
                )
            ) AS parameter
        FROM facet
        WHERE facet.entity = 'run' AND facet.key IN ('executionParameters', 'environmentVariables')
    )
SELECT
    said.run_id,
    said.namespace AS job_namespace,
    said.name AS job_name,
    said.kind,
    CASE said.kind WHEN 'parameter' THEN said.parameter.key ELSE said.parameter.name END AS parameter,
    said.parameter.value AS value,
    CASE said.kind WHEN 'parameter' THEN said.parameter.name END AS label,
    said.parameter.description AS description
FROM said
WHERE CASE said.kind WHEN 'parameter' THEN said.parameter.key ELSE said.parameter.name END IS NOT NULL;

COMMENT ON VIEW run_parameter IS 'What runs were started with: parameters, and variables of their environment.';
COMMENT ON COLUMN run_parameter.run_id IS 'The run.';
COMMENT ON COLUMN run_parameter.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN run_parameter.job_name IS 'Its job.';
COMMENT ON COLUMN run_parameter.kind IS 'parameter or environment.';
COMMENT ON COLUMN run_parameter.parameter IS 'The parameter or variable.';
COMMENT ON COLUMN run_parameter.value IS 'Its value.';
COMMENT ON COLUMN run_parameter.label IS 'What people call the parameter.';
COMMENT ON COLUMN run_parameter.description IS 'What the parameter is for.';
