-- What was measured of datasets: each number with the moment that it speaks of. Fields are '' for the dataset as a whole.
-- "facets" is the name of a table like store.dataset_facet_of(…).
CREATE MACRO store.measured_number_of(facets) AS TABLE
WITH
    facet AS (
        SELECT
            passing_facet.dataset_id,
            passing_facet.run_key,
            passing_facet.key,
            passing_facet.event_time,
            document.body::JSON AS body
        FROM query_table(facets) AS passing_facet
        JOIN store.document USING (document_id)
        WHERE
            passing_facet.key IN ('dataQualityMetrics', 'outputStatistics', 'inputStatistics')
            AND NOT document.deleted
    ),
    column_metric AS (
        SELECT
            facet.dataset_id,
            facet.run_key,
            facet.event_time,
            metric.key AS field,
            try_cast(metric.value ->> '$.count' AS DOUBLE) AS count,
            try_cast(metric.value ->> '$.nullCount' AS DOUBLE) AS null_count,
            try_cast(metric.value ->> '$.distinctCount' AS DOUBLE) AS distinct_count,
            try_cast(metric.value ->> '$.sum' AS DOUBLE) AS sum,
            try_cast(metric.value ->> '$.min' AS DOUBLE) AS least,
            try_cast(metric.value ->> '$.max' AS DOUBLE) AS greatest
        FROM facet
        CROSS JOIN json_each(facet.body, '$.columnMetrics') AS metric
        WHERE facet.key = 'dataQualityMetrics'
    )
-- A statistic of a run speaks of what the run wrote or read; a metric, of what was there when it was taken.
SELECT
    facet.dataset_id,
    facet.run_key,
    facet.event_time AS measured_at,
    facet.key AS source,
    '' AS field,
    'rows' AS measure,
    try_cast(facet.body ->> '$.rowCount' AS DOUBLE) AS value
FROM facet
UNION ALL BY NAME
SELECT
    column_metric.dataset_id,
    column_metric.run_key,
    column_metric.event_time AS measured_at,
    'dataQualityMetrics' AS source,
    column_metric.field,
    unnest(['null share', 'distinct', 'mean', 'least', 'greatest']) AS measure,
    unnest(
        [
            column_metric.null_count / nullif(column_metric.count, 0),
            column_metric.distinct_count,
            column_metric.sum / nullif(column_metric.count - coalesce(column_metric.null_count, 0), 0),
            column_metric.least,
            column_metric.greatest
        ]
    ) AS value
FROM column_metric;
