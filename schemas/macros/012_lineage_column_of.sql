-- The column lineage that lineages hold, from the names of tables like store.lineage_shape and, of the same lineages,
-- store.lineage_explicit: what a lineage facet says outright goes before column lineage of the same output.
CREATE MACRO store.lineage_column_of(lineage_shape, lineage_explicit) AS TABLE
WITH
    told AS (
        SELECT DISTINCT
            facet.lineage_id,
            facet.job_id,
            coalesce(explicit_lineage.downstream_id, facet.dataset_id) AS downstream_id
        FROM query_table(lineage_explicit) AS facet
        JOIN store.explicit_lineage ON explicit_lineage.document_id = facet.document_id
    ),
    -- A facet replaces the earlier one of the same output: the newest shape that has one decides.
    newest AS (
        SELECT
            telling.lineage_id,
            shape.job_id,
            shape_facet.dataset_id,
            max({'ordinal': telling.ordinal, 'document_id': shape_facet.document_id}).document_id AS document_id
        FROM query_table(lineage_shape) AS telling
        JOIN store.shape ON shape.shape_id = telling.shape_id
        JOIN store.shape_facet ON shape_facet.shape_id = telling.shape_id
        WHERE
            shape.job_type IS DISTINCT FROM 'TEST'
            AND shape_facet.key = 'columnLineage'
            AND shape_facet.direction IN ('output', 'dataset')
        GROUP BY
            telling.lineage_id,
            shape.job_id,
            shape_facet.dataset_id
    )
SELECT
    newest.lineage_id,
    newest.job_id,
    newest.dataset_id,
    newest.document_id
FROM newest
ANTI JOIN told
    ON
        told.lineage_id = newest.lineage_id
        AND told.job_id IS NOT DISTINCT FROM newest.job_id
        AND told.downstream_id = newest.dataset_id;
