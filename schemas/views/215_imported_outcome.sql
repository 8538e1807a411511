-- Every check result of imported files, about the dataset that its names mean, also what its file does not hold any more.
CREATE VIEW store.imported_outcome AS
SELECT
    result.check_name,
    dataset.namespace,
    coalesce(dataset.name, result.name) AS name,
    result.field,
    coalesce(result.dimension, check_dimension.dimension) AS dimension,
    result.status,
    result.severity,
    result.expected,
    result.actual,
    result.executed_at,
    result.tool,
    result.run_id,
    result.details::JSON AS details,
    result.row_id
FROM store.imported_result AS result
LEFT JOIN store.imported_dataset AS dataset
    ON
        dataset.said_name = result.name
        AND dataset.tool = result.tool
        AND dataset.source = coalesce(result.source, '')
        AND dataset.said_namespace = coalesce(result.namespace, '')
LEFT JOIN store.check_dimension ON check_dimension.check_kind = lower(result.check_kind);
