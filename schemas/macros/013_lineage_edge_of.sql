-- The edges of lineages, from the names of tables like store.lineage_shape and, of the same lineages, store.lineage_explicit and
-- store.lineage_column.
--
-- Column lineage says which inputs an output is made from. An input that it names nowhere still feeds every output, for column
-- lineage is often incomplete; one that it names for another output only does not feed this one. Where a job has a lineage
-- facet, its inputs and outputs are no longer taken to feed each other.
CREATE MACRO store.lineage_edge_of(lineage_shape, lineage_explicit, lineage_column) AS TABLE
WITH
    told AS (
        SELECT DISTINCT
            facet.lineage_id,
            facet.job_id,
            explicit_lineage.upstream_id,
            coalesce(explicit_lineage.downstream_id, facet.dataset_id) AS downstream_id
        FROM query_table(lineage_explicit) AS facet
        JOIN store.explicit_lineage ON explicit_lineage.document_id = facet.document_id
    ),
    place AS (
        SELECT DISTINCT
            telling.lineage_id,
            shape.job_id,
            shape_dataset.direction,
            shape_dataset.dataset_id
        FROM query_table(lineage_shape) AS telling
        JOIN store.shape ON shape.shape_id = telling.shape_id
        JOIN store.shape_dataset ON shape_dataset.shape_id = telling.shape_id
        -- A job that says anything outright says all of it; a dataset speaks for itself.
        ANTI JOIN query_table(lineage_explicit) AS facet
            ON
                facet.lineage_id = telling.lineage_id
                AND facet.job_id = shape.job_id
                AND facet.dataset_id IS NULL
        WHERE shape.job_type IS DISTINCT FROM 'TEST'
    ),
    named AS (
        SELECT DISTINCT
            facet.lineage_id,
            facet.job_id,
            column_lineage.upstream_id,
            facet.dataset_id AS downstream_id
        FROM query_table(lineage_column) AS facet
        JOIN store.column_lineage ON column_lineage.document_id = facet.document_id
    )
SELECT
    told.lineage_id,
    told.job_id,
    told.upstream_id,
    told.downstream_id,
    'explicit' AS evidence
FROM told
WHERE told.upstream_id IS NOT NULL AND told.downstream_id IS NOT NULL
UNION ALL
SELECT
    named.lineage_id,
    named.job_id,
    named.upstream_id,
    named.downstream_id,
    'column' AS evidence
FROM named
UNION ALL
SELECT
    input.lineage_id,
    input.job_id,
    input.dataset_id AS upstream_id,
    output.dataset_id AS downstream_id,
    'inputs_outputs' AS evidence
FROM place AS input
JOIN place AS output
    ON
        output.lineage_id = input.lineage_id
        AND output.job_id = input.job_id
ANTI JOIN named
    ON
        named.lineage_id = input.lineage_id
        AND named.job_id = input.job_id
        AND named.upstream_id = input.dataset_id
ANTI JOIN told
    ON
        told.lineage_id = output.lineage_id
        AND told.job_id = output.job_id
        AND told.downstream_id = output.dataset_id
WHERE
    input.direction = 'input'
    AND output.direction = 'output';
