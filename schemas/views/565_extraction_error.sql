-- Lineage that producers could not tell: what these runs read and wrote is incomplete.
CREATE VIEW extraction_error AS
WITH
    said AS (
        SELECT
            facet.run_id,
            facet.namespace,
            facet.name,
            try_cast(facet.body ->> '$.totalTasks' AS BIGINT) AS total_tasks,
            try_cast(facet.body ->> '$.failedTasks' AS BIGINT) AS failed_tasks,
            from_json(
                facet.body -> '$.errors',
                '[{"errorMessage": "VARCHAR", "stackTrace": "VARCHAR", "task": "VARCHAR", "taskNumber": "BIGINT"}]'
            ) AS errors
        FROM facet
        WHERE facet.entity = 'run' AND facet.key = 'extractionError'
    ),
    failure AS (
        -- Some only count what went wrong.
        SELECT
            said.* EXCLUDE (errors),
            unnest(CASE WHEN len(said.errors) > 0 THEN said.errors ELSE [NULL] END) AS failure
        FROM said
    )
SELECT
    failure.run_id,
    failure.namespace AS job_namespace,
    failure.name AS job_name,
    failure.total_tasks,
    failure.failed_tasks,
    failure.failure."errorMessage" AS message,
    failure.failure."stackTrace" AS stack_trace,
    failure.failure.task AS task,
    failure.failure."taskNumber" AS task_number
FROM failure;

COMMENT ON VIEW extraction_error IS 'Lineage that producers could not tell: what these runs read and wrote is incomplete.';
COMMENT ON COLUMN extraction_error.run_id IS 'The run.';
COMMENT ON COLUMN extraction_error.job_namespace IS 'Namespace of its job.';
COMMENT ON COLUMN extraction_error.job_name IS 'Its job.';
COMMENT ON COLUMN extraction_error.total_tasks IS 'Pieces of work, such as SQL statements, that the run had.';
COMMENT ON COLUMN extraction_error.failed_tasks IS 'How many of them could not be understood.';
COMMENT ON COLUMN extraction_error.message IS 'Why this one could not.';
COMMENT ON COLUMN extraction_error.stack_trace IS 'Where in the producer''s code it happened.';
COMMENT ON COLUMN extraction_error.task IS 'The piece of work, such as its SQL.';
COMMENT ON COLUMN extraction_error.task_number IS 'Its place among them.';
