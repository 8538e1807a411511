-- Each number that DQOps measured, judged by a check or not, about the dataset that its names mean.
CREATE VIEW store.imported_dataset_metric AS
SELECT
    dataset.namespace,
    coalesce(dataset.name, metric.name) AS name,
    metric.field,
    metric.metric,
    metric.value,
    metric.measured_at,
    metric.tool,
    metric.details::JSON AS details
FROM store.imported_metric AS metric
LEFT JOIN store.imported_dataset AS dataset
    ON
        dataset.said_name = metric.name
        AND dataset.tool = metric.tool
        AND dataset.source = coalesce(metric.source, '')
        AND dataset.said_namespace = ''
ANTI JOIN store.replaced_row USING (row_id);
