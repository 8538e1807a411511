-- Every dataset that is reached from one, with its shortest distance. "step" is the name of a table of what leads where: from_id,
-- to_id.
--
-- Breadth first; each dataset is kept once, so cycles end by themselves.
CREATE MACRO store.walk(step, ns, ds, max_depth) AS TABLE
WITH RECURSIVE
    walk(dataset_id, depth) USING KEY (dataset_id) AS (
        SELECT
            dataset.canonical_id,
            0
        FROM store.dataset
        WHERE dataset.namespace = ns AND dataset.name = ds
        UNION
        SELECT
            next.to_id,
            min(walk.depth) + 1
        FROM walk
        JOIN query_table(step) AS next ON next.from_id = walk.dataset_id
        LEFT JOIN recurring.walk AS seen ON seen.dataset_id = next.to_id
        WHERE
            seen.dataset_id IS NULL
            AND (max_depth IS NULL OR walk.depth < max_depth)
        GROUP BY next.to_id
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
