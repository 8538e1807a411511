-- The lineage facets that lineages hold: the entries of a run's events come together. "lineage_shape" is the name of a table like
-- store.lineage_shape. The tests of a dataset (jobType TEST) read it and make nothing from it.
CREATE MACRO store.lineage_explicit_of(lineage_shape) AS TABLE
SELECT DISTINCT
    telling.lineage_id,
    shape.job_id,
    shape_facet.dataset_id,
    shape_facet.document_id
FROM query_table(lineage_shape) AS telling
JOIN store.shape ON shape.shape_id = telling.shape_id
JOIN store.shape_facet ON shape_facet.shape_id = telling.shape_id
WHERE
    shape.job_type IS DISTINCT FROM 'TEST'
    AND shape_facet.key = 'lineage'
    AND shape_facet.direction IS DISTINCT FROM 'input'
    AND (
        shape_facet.document_id IN (SELECT explicit_lineage.document_id FROM store.explicit_lineage)
        OR shape_facet.document_id IN (SELECT job_link.document_id FROM store.job_link)
    );
