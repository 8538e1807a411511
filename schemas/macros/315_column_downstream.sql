-- The columns that are made from a column.
--
-- An edge to a whole dataset (a filter, a join) reaches it with field NULL, and from there every column of it goes on. The
-- transformation is that of the whole path: DIRECT if every step of one shortest path is, INDIRECT if one is not, NULL if a step does not say.
CREATE MACRO column_downstream(ns, ds, fld, indirect := true, max_depth := NULL, as_of := NULL) AS TABLE
WITH RECURSIVE
    current_edge AS MATERIALIZED (
        SELECT DISTINCT
            upstream_id,
            upstream_field,
            downstream_id,
            downstream_field,
            -- 2: DIRECT, 1: not said, 0: INDIRECT. The least along a path is what the path is.
            CASE transformation_type WHEN 'DIRECT' THEN 2 WHEN 'INDIRECT' THEN 0 ELSE 1 END AS directness
        FROM store.column_edge_at(as_of::TIMESTAMPTZ)
        WHERE
            is_current
            AND (indirect OR transformation_type IS DISTINCT FROM 'INDIRECT')
    ),
    walk(dataset_id, field, depth, directness) USING KEY (dataset_id, field) AS (
        SELECT
            dataset_id,
            fld::VARCHAR,
            0,
            2
        FROM store.dataset
        WHERE namespace = ns AND name = ds
        UNION
        SELECT
            current_edge.downstream_id,
            current_edge.downstream_field,
            min(walk.depth) + 1,
            max(least(walk.directness, current_edge.directness))
        FROM walk
        JOIN current_edge
            ON
                current_edge.upstream_id = walk.dataset_id
                AND (walk.field IS NULL OR current_edge.upstream_field = walk.field)
        LEFT JOIN recurring.walk AS seen
            ON
                seen.dataset_id = current_edge.downstream_id
                AND seen.field IS NOT DISTINCT FROM current_edge.downstream_field
        WHERE
            seen.dataset_id IS NULL
            AND (max_depth IS NULL OR walk.depth < max_depth)
        GROUP BY
            current_edge.downstream_id,
            current_edge.downstream_field
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

COMMENT ON MACRO TABLE column_downstream IS
    'The columns that are made from a column. FROM column_downstream(''ns'', ''ds'', ''field'', indirect := true, max_depth := 3, as_of := now()): namespace, name, field, depth, transformation_type.';
