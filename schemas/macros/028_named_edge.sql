-- Edges with the names of their datasets and jobs. "edges" is the name of a table like store.edge_now.
CREATE MACRO store.named_edge(edges) AS TABLE
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
FROM query_table(edges) AS edge
JOIN store.dataset AS upstream ON upstream.dataset_id = edge.upstream_id
JOIN store.dataset AS downstream ON downstream.dataset_id = edge.downstream_id
LEFT JOIN store.job ON job.job_id = edge.job_id;
