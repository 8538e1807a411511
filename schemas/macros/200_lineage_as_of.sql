-- The graph as it stood at a moment; NULL means now.
CREATE MACRO lineage_as_of(ts) AS TABLE
SELECT
    upstream.namespace AS upstream_namespace,
    upstream.name AS upstream_name,
    downstream.namespace AS downstream_namespace,
    downstream.name AS downstream_name,
    job.namespace AS job_namespace,
    job.name AS job_name,
    edge.evidence,
    edge.first_seen_at,
    edge.last_seen_at,
    edge.is_current,
    edge.last_run_id
FROM store.edge_at(ts::TIMESTAMPTZ) AS edge
JOIN store.dataset AS upstream ON upstream.dataset_id = edge.upstream_id
JOIN store.dataset AS downstream ON downstream.dataset_id = edge.downstream_id
LEFT JOIN store.job ON job.job_id = edge.job_id;

COMMENT ON MACRO TABLE lineage_as_of IS
    'The graph as it stood at a moment, with the columns of edge: FROM lineage_as_of(TIMESTAMPTZ ''2026-11-22 06:00Z'').';
