-- Outcomes of tests that runs report, on a dataset or on none.
CREATE VIEW test_execution AS
SELECT
    said.run_id,
    said.namespace AS job_namespace,
    said.name AS job_name,
    said.outcome.name AS test_name,
    lower(said.outcome.status) AS status,
    said.outcome.severity AS severity,
    said.outcome."type" AS type,
    said.outcome.expected AS expected,
    said.outcome.actual AS actual,
    said.outcome.description AS description,
    said.outcome.content AS content,
    said.outcome."contentType" AS content_type,
    said.outcome.params AS params,
    said.event_time
FROM (
    SELECT
        facet.run_id,
        facet.namespace,
        facet.name,
        facet.event_time,
        unnest(
            from_json(
                facet.body -> '$.tests',
                '[
                    {
                        "name": "VARCHAR",
                        "status": "VARCHAR",
                        "severity": "VARCHAR",
                        "type": "VARCHAR",
                        "expected": "VARCHAR",
                        "actual": "VARCHAR",
                        "description": "VARCHAR",
                        "content": "VARCHAR",
                        "contentType": "VARCHAR",
                        "params": "JSON"
                    }
                ]'
            )
        ) AS outcome
    FROM facet
    WHERE facet.entity = 'run' AND facet.key = 'test'
) AS said
WHERE said.outcome.name IS NOT NULL AND said.outcome.status IS NOT NULL;

COMMENT ON VIEW test_execution IS 'Outcomes of tests that runs report, on a dataset or on none.';
COMMENT ON COLUMN test_execution.run_id IS 'The run that tested.';
COMMENT ON COLUMN test_execution.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN test_execution.job_name IS 'Its job.';
COMMENT ON COLUMN test_execution.test_name IS 'What the test is called.';
COMMENT ON COLUMN test_execution.status IS 'pass, fail or skip.';
COMMENT ON COLUMN test_execution.severity IS 'How bad a failure would be, as it is configured.';
COMMENT ON COLUMN test_execution.type IS 'What kind of test it is, such as not_null.';
COMMENT ON COLUMN test_execution.expected IS 'What the test wanted.';
COMMENT ON COLUMN test_execution.actual IS 'What it found.';
COMMENT ON COLUMN test_execution.description IS 'What the test is for.';
COMMENT ON COLUMN test_execution.content IS 'How it is done, such as its SQL.';
COMMENT ON COLUMN test_execution.content_type IS 'What the content is, such as sql.';
COMMENT ON COLUMN test_execution.params IS 'What the test was given; dbt and Airflow name the tested table here.';
COMMENT ON COLUMN test_execution.event_time IS 'Time of the event that says so.';
