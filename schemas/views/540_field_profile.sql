-- What was measured on fields, without a judgement.
CREATE VIEW field_profile AS
WITH
    said AS (
        SELECT
            facet.namespace,
            facet.name,
            facet.run_id,
            facet.event_time,
            unnest(map_entries(from_json(facet.body -> '$.columnMetrics', '"MAP(VARCHAR, JSON)"'))) AS metric
        FROM facet
        WHERE facet.entity IN ('dataset', 'input') AND facet.key = 'dataQualityMetrics'
    )
SELECT
    said.namespace,
    said.name,
    said.metric.key AS field,
    said.run_id,
    try_cast(said.metric.value ->> '$.nullCount' AS BIGINT) AS null_count,
    -- The spec's own examples have the slip.
    try_cast(
        coalesce(said.metric.value ->> '$.distinctCount', said.metric.value ->> '$.distincCount') AS BIGINT
    ) AS distinct_count,
    try_cast(said.metric.value ->> '$.sum' AS DOUBLE) AS sum,
    try_cast(said.metric.value ->> '$.count' AS DOUBLE) AS count,
    try_cast(said.metric.value ->> '$.min' AS DOUBLE) AS min,
    try_cast(said.metric.value ->> '$.max' AS DOUBLE) AS max,
    from_json(said.metric.value -> '$.quantiles', '"MAP(VARCHAR, DOUBLE)"') AS quantiles,
    said.event_time
FROM said
WHERE json_type(said.metric.value) = 'OBJECT';

COMMENT ON VIEW field_profile IS
    'What was measured on fields, without a judgement; the newest of each dataset, and of each run that read it.';
COMMENT ON COLUMN field_profile.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN field_profile.name IS 'Name of the dataset.';
COMMENT ON COLUMN field_profile.field IS 'The field.';
COMMENT ON COLUMN field_profile.run_id IS
    'The run that read the dataset when it was measured; NULL: it was said of the dataset itself.';
COMMENT ON COLUMN field_profile.null_count IS 'Rows in which it is NULL.';
COMMENT ON COLUMN field_profile.distinct_count IS 'Different values.';
COMMENT ON COLUMN field_profile.sum IS 'Sum of its values.';
COMMENT ON COLUMN field_profile.count IS 'Rows with a value.';
COMMENT ON COLUMN field_profile.min IS 'Smallest value.';
COMMENT ON COLUMN field_profile.max IS 'Greatest value.';
COMMENT ON COLUMN field_profile.quantiles IS 'Values by their rank, such as 0.25.';
COMMENT ON COLUMN field_profile.event_time IS 'Time of the event that says so.';
