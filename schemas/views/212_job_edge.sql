-- One job follows another without a dataset between, as a lineage facet says.
CREATE VIEW job_edge AS
SELECT
    upstream.namespace AS upstream_namespace,
    upstream.name AS upstream_name,
    downstream.namespace AS downstream_namespace,
    downstream.name AS downstream_name,
    min(used.first_seen_at) AS first_seen_at,
    max(used.last_seen_at) AS last_seen_at,
    bool_or(used.is_current) AS is_current
FROM store.lineage_explicit AS explicit
JOIN store.job_link USING (document_id)
JOIN store.lineage_use_of('store.job_run', 'store.lineage', 'store.lineage_edge', NULL) AS used
    ON
        used.lineage_id = explicit.lineage_id
        AND used.job_id = explicit.job_id
JOIN store.job AS upstream ON upstream.job_id = coalesce(job_link.upstream_job_id, explicit.job_id)
JOIN store.job AS downstream ON downstream.job_id = coalesce(job_link.downstream_job_id, explicit.job_id)
GROUP BY ALL;

COMMENT ON VIEW job_edge IS 'One job follows another without a dataset between, as a lineage facet says.';
COMMENT ON COLUMN job_edge.upstream_namespace IS 'Namespace of the job that comes first.';
COMMENT ON COLUMN job_edge.upstream_name IS 'The job that comes first.';
COMMENT ON COLUMN job_edge.downstream_namespace IS 'Namespace of the job that follows.';
COMMENT ON COLUMN job_edge.downstream_name IS 'The job that follows.';
COMMENT ON COLUMN job_edge.first_seen_at IS 'Time of the first event of a run, or of the job event, that said so.';
COMMENT ON COLUMN job_edge.last_seen_at IS 'Time of the newest one.';
COMMENT ON COLUMN job_edge.is_current IS 'The newest finished run of the job that said so, or its newest job event, still says so.';
