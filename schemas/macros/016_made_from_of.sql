-- What lineages make from what, by canonical id. "lineage_edge" is the name of a table like store.lineage_edge.
CREATE MACRO store.made_from_of(lineage_edge) AS TABLE
SELECT
    pair.lineage_id,
    pair.job_id,
    upstream.canonical_id AS upstream_id,
    downstream.canonical_id AS downstream_id,
    pair.evidence
FROM query_table(lineage_edge) AS pair
JOIN store.dataset AS upstream ON upstream.dataset_id = pair.upstream_id
JOIN store.dataset AS downstream ON downstream.dataset_id = pair.downstream_id;
