-- What each run read and wrote: the union over its events.
CREATE VIEW run_dataset AS
WITH
    touch AS (
        SELECT
            event.run_key,
            shape_dataset.direction,
            dataset.canonical_id AS dataset_id,
            min(event.event_time) AS first_seen_at,
            max(event.event_time) AS last_seen_at
        FROM store.event
        JOIN store.shape_dataset USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        WHERE event.run_key IS NOT NULL
        GROUP BY ALL
    ),
    -- Several jobs may share a run id: the newest word counts, whichever of them has it.
    statistics AS (
        SELECT
            run_key,
            direction,
            dataset_id,
            max({'event_time': event_time, 'event_id': event_id, 'body': body}).body AS body
        FROM store.passing_facet_in_force
        WHERE key IN ('inputStatistics', 'outputStatistics') AND entity IN ('input', 'output')
        GROUP BY ALL
    ),
    version AS (
        SELECT
            run_key,
            direction,
            dataset_id,
            max({'event_time': event_time, 'event_id': event_id, 'body': body}).body AS body
        FROM store.passing_facet_in_force
        WHERE key = 'version' AND entity = 'dataset' AND NOT deleted
        GROUP BY ALL
    )
SELECT
    run.run_id,
    touch.direction,
    dataset.namespace,
    dataset.name,
    try_cast(statistics.body ->> '$.rowCount' AS BIGINT) AS row_count,
    try_cast(statistics.body ->> '$.size' AS BIGINT) AS bytes,
    try_cast(statistics.body ->> '$.fileCount' AS BIGINT) AS file_count,
    version.body ->> '$.datasetVersion' AS dataset_version,
    touch.first_seen_at,
    touch.last_seen_at
FROM touch
JOIN store.run USING (run_key)
JOIN store.dataset USING (dataset_id)
LEFT JOIN statistics USING (run_key, direction, dataset_id)
LEFT JOIN version USING (run_key, direction, dataset_id);

COMMENT ON VIEW run_dataset IS 'What each run read and wrote: the union over its events.';
COMMENT ON COLUMN run_dataset.run_id IS 'The run.';
COMMENT ON COLUMN run_dataset.direction IS 'input or output.';
COMMENT ON COLUMN run_dataset.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN run_dataset.name IS 'Name of the dataset.';
COMMENT ON COLUMN run_dataset.row_count IS 'Rows read or written.';
COMMENT ON COLUMN run_dataset.bytes IS 'Bytes read or written.';
COMMENT ON COLUMN run_dataset.file_count IS 'Files read or written.';
COMMENT ON COLUMN run_dataset.dataset_version IS 'Which version of the data, such as a snapshot id.';
COMMENT ON COLUMN run_dataset.first_seen_at IS 'Time of the run''s earliest event that names it.';
COMMENT ON COLUMN run_dataset.last_seen_at IS 'Time of the run''s newest event that names it.';
