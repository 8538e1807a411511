-- What was counted and measured in datasets and their fields.
CREATE VIEW dataset_metric AS
WITH
    facet AS (
        FROM store.dataset_facet_of(store.every_dataset())
    ),
    said AS (
        SELECT
            measurement.run_key,
            measurement.dataset_id,
            measurement.occasion,
            metric.field,
            metric.metric,
            -- The same numbers under facets and inputFacets, or under an old and a new key, count once.
            max(
                {
                    'event_time': measurement.newest.event_time,
                    'event_id': measurement.newest.event_id,
                    'value': metric.value
                }
            ) AS newest
        FROM store.measurement_of('facet') AS measurement
        JOIN store.metric ON metric.document_id = measurement.newest.document_id
        WHERE measurement.dataset_id IS NOT NULL
        GROUP BY ALL
    )
SELECT
    dataset.namespace,
    dataset.name,
    said.field,
    said.metric,
    said.newest.value AS value,
    said.newest.event_time AS executed_at,
    run.run_id
FROM said
JOIN store.dataset USING (dataset_id)
LEFT JOIN store.run USING (run_key)
UNION ALL BY NAME
SELECT
    namespace,
    name,
    field,
    metric,
    value,
    measured_at AS executed_at
FROM store.imported_dataset_metric;

COMMENT ON VIEW dataset_metric IS
    'What was counted and measured in datasets and their fields: one row for each number and run that measured it.';
COMMENT ON COLUMN dataset_metric.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN dataset_metric.name IS 'Name of the dataset.';
COMMENT ON COLUMN dataset_metric.field IS 'The field that was measured; NULL: the dataset as a whole.';
COMMENT ON COLUMN dataset_metric.metric IS
    'row_count, bytes or file_count of a dataset; null_count, distinct_count, count, sum, min, max or quantile_Q of a field.';
COMMENT ON COLUMN dataset_metric.value IS 'The number.';
COMMENT ON COLUMN dataset_metric.executed_at IS 'When it was measured: the time of the newest event that reports it.';
COMMENT ON COLUMN dataset_metric.run_id IS 'The run that measured it; NULL when an event without a run reports it.';
