-- The lineages that matter for what is reached from a dataset, upward or downward: those that ever lead on, and all others of the
-- same jobs, since the newest lineage of a job decides what is current. What dataset events declare matters always. Of no
-- dataset (NULL), all.
--
-- It costs as much as what is reached rather than as much as the store: the walk looks edges up, and is over when it knows the
-- datasets, before anything is asked of any run. "edges", "lineages" and "renamings" are the names of tables like store.lineage_edge,
-- store.lineage and store.renaming.
CREATE MACRO store.lineage_reached(edges, lineages, renamings, ns, ds, downward) AS TABLE
WITH RECURSIVE
    step AS MATERIALIZED (
        SELECT
            CASE WHEN downward THEN edge.upstream_id ELSE edge.downstream_id END AS from_id,
            CASE WHEN downward THEN edge.downstream_id ELSE edge.upstream_id END AS to_id
        FROM query_table(edges) AS edge
        UNION ALL
        SELECT
            CASE WHEN downward THEN renaming.old_id ELSE renaming.new_id END,
            CASE WHEN downward THEN renaming.new_id ELSE renaming.old_id END
        FROM query_table(renamings) AS renaming
    ),
    reached(dataset_id) AS (
        SELECT dataset.canonical_id
        FROM store.dataset
        WHERE dataset.namespace = ns AND dataset.name = ds
        UNION
        SELECT next.canonical_id
        FROM reached
        JOIN store.dataset AS own ON own.canonical_id = reached.dataset_id
        JOIN step ON step.from_id = own.dataset_id
        JOIN store.dataset AS next ON next.dataset_id = step.to_id
    ),
    maker AS (
        SELECT DISTINCT edge.job_id
        FROM reached
        JOIN store.dataset AS own ON own.canonical_id = reached.dataset_id
        JOIN query_table(edges) AS edge
            ON own.dataset_id = CASE WHEN downward THEN edge.upstream_id ELSE edge.downstream_id END
    )
SELECT lineage.*
FROM query_table(lineages) AS lineage
SEMI JOIN maker ON maker.job_id = lineage.job_id
WHERE ds IS NOT NULL
UNION ALL
SELECT lineage.*
FROM query_table(lineages) AS lineage
WHERE ds IS NULL OR lineage.job_id IS NULL;
