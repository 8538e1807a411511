-- Every event, once.
CREATE VIEW event AS
SELECT
    event.event_id,
    event.kind,
    event.event_type,
    event.event_time,
    run.run_id,
    coalesce(job.namespace, dataset.namespace) AS namespace,
    coalesce(job.name, dataset.name) AS name,
    event.topic,
    event.partition,
    event.source_offset,
    event.received_at,
    event_body.body,
    event.element
FROM store.event
-- A join to one row each: DuckDB leaves it out when nobody asks for the body, and filters before it otherwise.
LEFT JOIN store.event_body ON event_body.event_id = event.event_id
LEFT JOIN store.run ON run.run_key = event.run_key
LEFT JOIN store.shape ON shape.shape_id = event.shape_id
LEFT JOIN store.job ON job.job_id = shape.job_id
LEFT JOIN store.shape_dataset
    ON
        shape_dataset.shape_id = event.shape_id
        AND shape_dataset.direction = 'dataset'
LEFT JOIN store.dataset AS named ON named.dataset_id = shape_dataset.dataset_id
LEFT JOIN store.dataset ON dataset.dataset_id = named.canonical_id;

COMMENT ON VIEW event IS 'Every event, once.';
COMMENT ON COLUMN event.event_id IS 'Hash of the event''s canonical JSON.';
COMMENT ON COLUMN event.kind IS 'run, job or dataset.';
COMMENT ON COLUMN event.event_type IS 'START, RUNNING, COMPLETE, FAIL, ABORT or OTHER; NULL when not said.';
COMMENT ON COLUMN event.event_time IS 'When it happened, by its producer''s clock.';
COMMENT ON COLUMN event.run_id IS 'The run, for a run event.';
COMMENT ON COLUMN event.namespace IS 'Namespace of the job, or of the dataset for a dataset event.';
COMMENT ON COLUMN event.name IS 'The job, or the dataset for a dataset event.';
COMMENT ON COLUMN event.topic IS 'Topic of the record that brought it first; file:NAME for a file, http:lineage for HTTP.';
COMMENT ON COLUMN event.partition IS 'Partition of that record.';
COMMENT ON COLUMN event.source_offset IS 'Offset of that record; the line of a file, from 1.';
COMMENT ON COLUMN event.received_at IS 'When that record was read.';
COMMENT ON COLUMN event.body IS 'The event: the same JSON value as it came, keys sorted; NULL once expired.';
COMMENT ON COLUMN event.element IS 'Place in the record''s JSON array; 0 for a plain event.';
