-- Every column that is reached from one, with its shortest distance. "step" is the name of a table of what leads where: from_id,
-- from_field, to_id, to_field, transformation_type. A field that is NULL is the dataset as a whole: what leads to it leads on
-- from each of its columns, and what leads on from it is reached from each of them.
--
-- The transformation is that of the whole path: DIRECT if every step of one shortest path is, INDIRECT if one is not, NULL if a
-- step does not say.
CREATE MACRO store.column_walk(step, ns, ds, fld, indirect, max_depth) AS TABLE
WITH RECURSIVE
    known_step AS MATERIALIZED (
        SELECT DISTINCT
            next.from_id,
            next.from_field,
            next.to_id,
            next.to_field,
            -- 2: DIRECT, 1: not said, 0: INDIRECT. The least along a path is what the path is.
            CASE next.transformation_type WHEN 'DIRECT' THEN 2 WHEN 'INDIRECT' THEN 0 ELSE 1 END AS directness
        FROM query_table(step) AS next
        WHERE indirect OR next.transformation_type IS DISTINCT FROM 'INDIRECT'
    ),
    walk(dataset_id, field, depth, directness) USING KEY (dataset_id, field) AS (
        SELECT
            dataset.canonical_id,
            fld::VARCHAR,
            0,
            2
        FROM store.dataset
        WHERE dataset.namespace = ns AND dataset.name = ds
        UNION
        SELECT
            known_step.to_id,
            known_step.to_field,
            min(walk.depth) + 1,
            max(least(walk.directness, known_step.directness))
        FROM walk
        JOIN known_step
            ON
                known_step.from_id = walk.dataset_id
                AND (known_step.from_field = walk.field OR known_step.from_field IS NULL OR walk.field IS NULL)
        LEFT JOIN recurring.walk AS seen
            ON
                seen.dataset_id = known_step.to_id
                AND seen.field IS NOT DISTINCT FROM known_step.to_field
        WHERE
            seen.dataset_id IS NULL
            AND (max_depth IS NULL OR walk.depth < max_depth)
        GROUP BY
            known_step.to_id,
            known_step.to_field
    )
SELECT
    dataset.namespace,
    dataset.name,
    walk.field,
    walk.depth,
    CASE walk.directness WHEN 2 THEN 'DIRECT' WHEN 0 THEN 'INDIRECT' END AS transformation_type
FROM walk
JOIN store.dataset USING (dataset_id)
WHERE walk.depth > 0
ORDER BY
    walk.depth,
    dataset.namespace,
    dataset.name,
    walk.field;
