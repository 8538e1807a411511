-- What lineages are, from their shapes. "lineage_shape" is the name of a table like store.lineage_shape.
CREATE MACRO store.lineage_of(lineage_shape) AS TABLE
SELECT
    telling.lineage_id,
    shape.job_id,
    any_value(shape_dataset.dataset_id) FILTER (shape_dataset.direction = 'dataset') AS dataset_id,
    bool_or(coalesce(shape.processing_type IN ('STREAMING', 'SERVICE'), false)) AS streaming,
    bool_or(shape.stands_alone) AS snapshots
FROM query_table(lineage_shape) AS telling
JOIN store.shape ON shape.shape_id = telling.shape_id
LEFT JOIN store.shape_dataset ON shape_dataset.shape_id = telling.shape_id
GROUP BY
    telling.lineage_id,
    shape.job_id;
