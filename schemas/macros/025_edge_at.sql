-- The edges as they stood at a moment, by id. NULL means now.
CREATE MACRO store.edge_at(ts) AS TABLE
SELECT
    lineage_edge.upstream_id,
    lineage_edge.downstream_id,
    lineage_edge.job_id,
    max((used.is_current, used.last_seen_at, lineage_edge.evidence = 'column', lineage_edge.evidence))[4] AS evidence,
    min(used.first_seen_at) AS first_seen_at,
    max(used.last_seen_at) AS last_seen_at,
    bool_or(used.is_current) AS is_current,
    max({'event_time': used.last_seen_at, 'run_id': used.last_run_id}) FILTER (used.last_run_id IS NOT NULL).run_id
        AS last_run_id
FROM store.lineage_edge
JOIN store.lineage_use_at(ts) AS used
    ON
        used.lineage_id = lineage_edge.lineage_id
        AND used.job_id IS NOT DISTINCT FROM lineage_edge.job_id
GROUP BY
    lineage_edge.upstream_id,
    lineage_edge.downstream_id,
    lineage_edge.job_id;
