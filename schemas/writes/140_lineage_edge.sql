-- The edges of each new lineage. The tests of a dataset (jobType TEST) read it and make nothing from it.
CREATE OR REPLACE TEMP TABLE place AS
SELECT DISTINCT
    lineage_id,
    shape.job_id,
    shape_dataset.direction,
    shape_dataset.dataset_id
FROM new_lineage_shape
JOIN store.shape USING (shape_id)
JOIN store.shape_dataset USING (shape_id)
WHERE shape.job_type IS DISTINCT FROM 'TEST';

-- A facet replaces the earlier one of the same output: the newest shape that has one decides.
CREATE OR REPLACE TEMP TABLE new_lineage_column AS
SELECT
    lineage_id,
    shape.job_id,
    shape_facet.dataset_id,
    max({'ordinal': ordinal, 'document_id': shape_facet.document_id}).document_id AS document_id
FROM new_lineage_shape
JOIN store.shape USING (shape_id)
JOIN store.shape_facet USING (shape_id)
WHERE
    shape_facet.key = 'columnLineage'
    AND shape_facet.direction IN ('output', 'dataset')
    AND shape.job_type IS DISTINCT FROM 'TEST'
GROUP BY ALL;

INSERT INTO store.lineage_column BY NAME FROM new_lineage_column;

-- Column lineage says which inputs an output is made from. An input that it names nowhere still feeds every output, for
-- column lineage is often incomplete; one that it names for another output only does not feed this one.
INSERT INTO store.lineage_edge BY NAME
WITH
    named AS (
        SELECT DISTINCT
            new_lineage_column.lineage_id,
            new_lineage_column.job_id,
            column_lineage.upstream_id,
            new_lineage_column.dataset_id AS downstream_id
        FROM new_lineage_column
        JOIN store.column_lineage USING (document_id)
    )
SELECT
    lineage_id,
    job_id,
    upstream_id,
    downstream_id,
    'column' AS evidence
FROM named
UNION ALL BY NAME
SELECT
    input.lineage_id,
    input.job_id,
    input.dataset_id AS upstream_id,
    output.dataset_id AS downstream_id,
    'inputs_outputs' AS evidence
FROM place AS input
JOIN place AS output USING (lineage_id, job_id)
ANTI JOIN named
    ON
        named.lineage_id = input.lineage_id
        AND named.job_id = input.job_id
        AND named.upstream_id = input.dataset_id
WHERE
    input.direction = 'input'
    AND output.direction = 'output';
