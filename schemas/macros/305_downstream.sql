-- Every dataset that is made from this one.
--
-- Breadth first over current edges; each dataset is kept with its shortest distance, so cycles end by themselves.
CREATE MACRO downstream(ns, ds, max_depth := NULL, as_of := NULL) AS TABLE
WITH RECURSIVE
    current_edge AS MATERIALIZED (
        SELECT DISTINCT
            upstream_id,
            downstream_id
        FROM store.edge_at(as_of::TIMESTAMPTZ)
        WHERE is_current
    ),
    walk(dataset_id, depth) USING KEY (dataset_id) AS (
        SELECT
            dataset_id,
            0
        FROM store.dataset
        WHERE namespace = ns AND name = ds
        UNION
        SELECT
            current_edge.downstream_id,
            min(walk.depth) + 1
        FROM walk
        JOIN current_edge ON current_edge.upstream_id = walk.dataset_id
        LEFT JOIN recurring.walk AS seen ON seen.dataset_id = current_edge.downstream_id
        WHERE
            seen.dataset_id IS NULL
            AND (max_depth IS NULL OR walk.depth < max_depth)
        GROUP BY current_edge.downstream_id
    )
SELECT
    dataset.namespace,
    dataset.name,
    walk.depth
FROM walk
JOIN store.dataset USING (dataset_id)
WHERE walk.depth > 0
ORDER BY
    walk.depth,
    dataset.namespace,
    dataset.name;

COMMENT ON MACRO TABLE downstream IS
    'Every dataset that is made from this one. FROM downstream(''ns'', ''ds'', max_depth := 3, as_of := now()): namespace, name, depth (shortest).';
