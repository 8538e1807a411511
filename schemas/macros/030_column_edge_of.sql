-- The column edges as they stood at a moment, by id; NULL means now. What the lineages of that moment say is in named tables
-- like store.lineage_column and store.lineage_explicit, the rest as in edge_of.
CREATE MACRO store.column_edge_of(runs, lineages, edges, columns, explicits, ts) AS TABLE
SELECT
    pair.upstream_id,
    pair.upstream_field,
    pair.downstream_id,
    pair.downstream_field,
    pair.transformation_type,
    pair.transformation_subtype,
    pair.masking,
    pair.job_id,
    min(used.first_seen_at) AS first_seen_at,
    max(used.last_seen_at) AS last_seen_at,
    bool_or(used.is_current) AS is_current,
    max({'event_time': used.last_seen_at, 'run_id': used.last_run_id}) FILTER (used.last_run_id IS NOT NULL).run_id
        AS last_run_id
FROM store.column_made_from_of(columns, explicits) AS pair
JOIN store.lineage_use_of(runs, lineages, edges, ts) AS used
    ON
        used.lineage_id = pair.lineage_id
        AND used.job_id IS NOT DISTINCT FROM pair.job_id
GROUP BY
    pair.upstream_id,
    pair.upstream_field,
    pair.downstream_id,
    pair.downstream_field,
    pair.transformation_type,
    pair.transformation_subtype,
    pair.masking,
    pair.job_id;
