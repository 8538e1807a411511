-- Jobs that wait for one another, whatever datasets they share.
CREATE VIEW job_dependency AS
WITH
    said AS (
        SELECT
            facet.run_id,
            facet.namespace,
            facet.name,
            facet.body ->> '$.trigger_rule' AS trigger_rule,
            from_json(
                facet.body,
                '{
                    "upstream": [
                        {
                            "job": {"namespace": "VARCHAR", "name": "VARCHAR"},
                            "run": {"runId": "VARCHAR"},
                            "dependency_type": "VARCHAR",
                            "sequence_trigger_rule": "VARCHAR",
                            "status_trigger_rule": "VARCHAR"
                        }
                    ],
                    "downstream": [
                        {
                            "job": {"namespace": "VARCHAR", "name": "VARCHAR"},
                            "run": {"runId": "VARCHAR"},
                            "dependency_type": "VARCHAR",
                            "sequence_trigger_rule": "VARCHAR",
                            "status_trigger_rule": "VARCHAR"
                        }
                    ]
                }'
            ) AS dependencies
        FROM facet
        WHERE facet.entity = 'run' AND facet.key = 'jobDependencies'
    ),
    dependency AS (
        SELECT said.*, 'upstream' AS direction, unnest(said.dependencies.upstream) AS other FROM said
        UNION ALL
        SELECT said.*, 'downstream' AS direction, unnest(said.dependencies.downstream) AS other FROM said
    )
SELECT
    dependency.run_id,
    dependency.namespace AS job_namespace,
    dependency.name AS job_name,
    dependency.direction,
    dependency.other.job.namespace AS other_namespace,
    dependency.other.job.name AS other_name,
    dependency.other.run."runId" AS other_run_id,
    dependency.other.dependency_type AS dependency_type,
    dependency.other.sequence_trigger_rule AS sequence_trigger_rule,
    dependency.other.status_trigger_rule AS status_trigger_rule,
    dependency.trigger_rule
FROM dependency
WHERE dependency.other.job.name IS NOT NULL;

COMMENT ON VIEW job_dependency IS 'Jobs that wait for one another, whatever datasets they share.';
COMMENT ON COLUMN job_dependency.run_id IS 'The run that says so.';
COMMENT ON COLUMN job_dependency.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN job_dependency.job_name IS 'Its job.';
COMMENT ON COLUMN job_dependency.direction IS
    'upstream: the job waits for the other one; downstream: the other one waits for it.';
COMMENT ON COLUMN job_dependency.other_namespace IS 'Namespace of the other job.';
COMMENT ON COLUMN job_dependency.other_name IS 'The other job.';
COMMENT ON COLUMN job_dependency.other_run_id IS 'The other job''s run, if it is known.';
COMMENT ON COLUMN job_dependency.dependency_type IS 'What kind of dependency it is, such as DIRECT_INVOCATION.';
COMMENT ON COLUMN job_dependency.sequence_trigger_rule IS 'When the later job starts, such as FINISH_TO_START.';
COMMENT ON COLUMN job_dependency.status_trigger_rule IS
    'Which end of the earlier job starts the later one, such as EXECUTE_ON_SUCCESS.';
COMMENT ON COLUMN job_dependency.trigger_rule IS 'What the job wants of all its upstream jobs together, such as ALL_SUCCESS.';
