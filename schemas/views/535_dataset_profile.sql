-- What was measured on datasets, without a judgement.
CREATE VIEW dataset_profile AS
SELECT
    facet.namespace,
    facet.name,
    facet.run_id,
    try_cast(facet.body ->> '$.rowCount' AS BIGINT) AS row_count,
    try_cast(facet.body ->> '$.bytes' AS BIGINT) AS bytes,
    try_cast(facet.body ->> '$.fileCount' AS BIGINT) AS file_count,
    try_cast(facet.body ->> '$.lastUpdated' AS TIMESTAMPTZ) AS last_updated_at,
    try_cast(facet.body ->> '$.captureDate' AS TIMESTAMPTZ) AS captured_at,
    facet.event_time
FROM facet
WHERE facet.entity IN ('dataset', 'input') AND facet.key = 'dataQualityMetrics';

COMMENT ON VIEW dataset_profile IS
    'What was measured on datasets, without a judgement; the newest of each dataset, and of each run that read it.';
COMMENT ON COLUMN dataset_profile.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN dataset_profile.name IS 'Name of the dataset.';
COMMENT ON COLUMN dataset_profile.run_id IS
    'The run that read it when it was measured; NULL: it was said of the dataset itself.';
COMMENT ON COLUMN dataset_profile.row_count IS 'Rows.';
COMMENT ON COLUMN dataset_profile.bytes IS 'Bytes.';
COMMENT ON COLUMN dataset_profile.file_count IS 'Files.';
COMMENT ON COLUMN dataset_profile.last_updated_at IS 'When the dataset was last changed, as it was then.';
COMMENT ON COLUMN dataset_profile.captured_at IS 'When it was measured; NULL when not said.';
COMMENT ON COLUMN dataset_profile.event_time IS 'Time of the event that says so.';
