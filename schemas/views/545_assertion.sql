-- Outcomes of data quality checks, as their producers word them.
CREATE VIEW assertion AS
SELECT
    said.entity,
    said.namespace,
    said.name,
    said.run_id,
    said.outcome.assertion AS assertion,
    said.outcome.name AS check_name,
    said.outcome."column" AS field,
    said.outcome.success AS success,
    said.outcome.severity AS severity,
    said.outcome.expected AS expected,
    said.outcome.actual AS actual,
    said.outcome.description AS description,
    said.outcome.content AS content,
    said.outcome."contentType" AS content_type,
    said.outcome.params AS params,
    said.event_time
FROM (
    SELECT
        facet.entity,
        facet.namespace,
        facet.name,
        facet.run_id,
        facet.event_time,
        unnest(
            from_json(
                facet.body -> '$.assertions',
                '[
                    {
                        "assertion": "VARCHAR",
                        "name": "VARCHAR",
                        "column": "VARCHAR",
                        "success": "BOOLEAN",
                        "severity": "VARCHAR",
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
    WHERE facet.entity IN ('dataset', 'input', 'output') AND facet.key = 'dataQualityAssertions'
) AS said
WHERE said.outcome.assertion IS NOT NULL AND said.outcome.success IS NOT NULL;

COMMENT ON VIEW assertion IS
    'Outcomes of data quality checks in the words of their producers; check_result judges them and counts each once.';
COMMENT ON COLUMN assertion.entity IS 'Where the producer put it: dataset, input or output.';
COMMENT ON COLUMN assertion.namespace IS 'Namespace of the dataset that was checked.';
COMMENT ON COLUMN assertion.name IS 'Name of the dataset that was checked.';
COMMENT ON COLUMN assertion.run_id IS 'The run that checked an input or output; NULL: it was said of the dataset itself.';
COMMENT ON COLUMN assertion.assertion IS 'What kind of check it is, such as not_null.';
COMMENT ON COLUMN assertion.check_name IS 'What the check is called.';
COMMENT ON COLUMN assertion.field IS 'The field that was checked; NULL: the dataset as a whole.';
COMMENT ON COLUMN assertion.success IS 'Whether it passed; some producers say false of what they skipped.';
COMMENT ON COLUMN assertion.severity IS 'How bad a failure would be, as it is configured.';
COMMENT ON COLUMN assertion.expected IS 'What the check wanted.';
COMMENT ON COLUMN assertion.actual IS 'What it found.';
COMMENT ON COLUMN assertion.description IS 'What the check is for.';
COMMENT ON COLUMN assertion.content IS 'How it is done, such as its SQL.';
COMMENT ON COLUMN assertion.content_type IS 'What the content is, such as sql.';
COMMENT ON COLUMN assertion.params IS 'What the check was given.';
COMMENT ON COLUMN assertion.event_time IS 'Time of the event that says so.';
