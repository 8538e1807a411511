-- What each lineage makes the datasets asked for (canonical ids) from, by canonical id.
CREATE MACRO store.made_from_into(dataset_ids) AS TABLE
SELECT DISTINCT
    edge.lineage_id,
    edge.job_id,
    upstream.canonical_id AS upstream_id,
    downstream.canonical_id AS downstream_id
FROM store.dataset_known_as(dataset_ids) AS downstream
JOIN store.lineage_edge AS edge ON edge.downstream_id = downstream.dataset_id
JOIN store.dataset AS upstream ON upstream.dataset_id = edge.upstream_id;
