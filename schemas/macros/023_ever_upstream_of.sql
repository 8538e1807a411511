-- The datasets asked for (canonical ids) and every dataset that was ever upstream of them, whichever runs made it so.
--
-- It bounds what has to be looked at: edges are looked up from step to step, and nothing is asked of any run.
CREATE MACRO store.ever_upstream_of(dataset_ids) AS TABLE
WITH RECURSIVE
    reached(dataset_id) AS (
        SELECT unnest(dataset_ids)
        UNION
        SELECT upstream.canonical_id
        FROM reached
        JOIN store.dataset AS own ON own.canonical_id = reached.dataset_id
        JOIN store.lineage_edge AS edge ON edge.downstream_id = own.dataset_id
        JOIN store.dataset AS upstream ON upstream.dataset_id = edge.upstream_id
    )
FROM reached;
