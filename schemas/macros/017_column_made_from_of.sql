-- Which columns lineages make from which, by canonical id. The names are those of tables like store.lineage_column and
-- store.lineage_explicit.
CREATE MACRO store.column_made_from_of(lineage_column, lineage_explicit) AS TABLE
WITH
    pair AS (
        SELECT
            facet.lineage_id,
            facet.job_id,
            column_lineage.upstream_id,
            column_lineage.upstream_field,
            facet.dataset_id AS downstream_id,
            column_lineage.downstream_field,
            column_lineage.transformation_type,
            column_lineage.transformation_subtype,
            column_lineage.masking
        FROM query_table(lineage_column) AS facet
        JOIN store.column_lineage ON column_lineage.document_id = facet.document_id
        UNION ALL
        SELECT
            facet.lineage_id,
            facet.job_id,
            explicit_lineage.upstream_id,
            explicit_lineage.upstream_field,
            coalesce(explicit_lineage.downstream_id, facet.dataset_id),
            explicit_lineage.downstream_field,
            explicit_lineage.transformation_type,
            explicit_lineage.transformation_subtype,
            explicit_lineage.masking
        FROM query_table(lineage_explicit) AS facet
        JOIN store.explicit_lineage ON explicit_lineage.document_id = facet.document_id
        WHERE
            explicit_lineage.upstream_id IS NOT NULL
            AND (explicit_lineage.upstream_field IS NOT NULL OR explicit_lineage.downstream_field IS NOT NULL)
    )
SELECT
    pair.lineage_id,
    pair.job_id,
    upstream.canonical_id AS upstream_id,
    pair.upstream_field,
    downstream.canonical_id AS downstream_id,
    pair.downstream_field,
    pair.transformation_type,
    pair.transformation_subtype,
    pair.masking
FROM pair
JOIN store.dataset AS upstream ON upstream.dataset_id = pair.upstream_id
JOIN store.dataset AS downstream ON downstream.dataset_id = pair.downstream_id;
