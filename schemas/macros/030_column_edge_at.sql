-- The column edges as they stood at a moment, by id. NULL means now.
CREATE MACRO store.column_edge_at(ts) AS TABLE
SELECT
    column_lineage.upstream_id,
    column_lineage.upstream_field,
    lineage_column.dataset_id AS downstream_id,
    column_lineage.downstream_field,
    column_lineage.transformation_type,
    column_lineage.transformation_subtype,
    column_lineage.masking,
    lineage_column.job_id,
    min(used.first_seen_at) AS first_seen_at,
    max(used.last_seen_at) AS last_seen_at,
    bool_or(used.is_current) AS is_current,
    max({'event_time': used.last_seen_at, 'run_id': used.last_run_id}) FILTER (used.last_run_id IS NOT NULL).run_id
        AS last_run_id
FROM store.lineage_column
JOIN store.column_lineage USING (document_id)
JOIN store.lineage_use_at(ts) AS used
    ON
        used.lineage_id = lineage_column.lineage_id
        AND used.job_id IS NOT DISTINCT FROM lineage_column.job_id
GROUP BY
    column_lineage.upstream_id,
    column_lineage.upstream_field,
    lineage_column.dataset_id,
    column_lineage.downstream_field,
    column_lineage.transformation_type,
    column_lineage.transformation_subtype,
    column_lineage.masking,
    lineage_column.job_id;
