-- One column is made from another by a job.
CREATE VIEW column_edge AS
SELECT
    upstream.namespace AS upstream_namespace,
    upstream.name AS upstream_name,
    edge.upstream_field,
    downstream.namespace AS downstream_namespace,
    downstream.name AS downstream_name,
    edge.downstream_field,
    edge.transformation_type,
    edge.transformation_subtype,
    edge.masking,
    job.namespace AS job_namespace,
    job.name AS job_name,
    edge.first_seen_at,
    edge.last_seen_at,
    edge.is_current,
    edge.last_run_id
FROM store.column_edge_now AS edge
JOIN store.dataset AS upstream ON upstream.dataset_id = edge.upstream_id
JOIN store.dataset AS downstream ON downstream.dataset_id = edge.downstream_id
LEFT JOIN store.job ON job.job_id = edge.job_id;

COMMENT ON VIEW column_edge IS 'One column is made from another by a job.';
COMMENT ON COLUMN column_edge.upstream_namespace IS 'Namespace of the dataset that is read.';
COMMENT ON COLUMN column_edge.upstream_name IS 'Name of the dataset that is read.';
COMMENT ON COLUMN column_edge.upstream_field IS 'The column that is read.';
COMMENT ON COLUMN column_edge.downstream_namespace IS 'Namespace of the dataset that is made.';
COMMENT ON COLUMN column_edge.downstream_name IS 'Name of the dataset that is made.';
COMMENT ON COLUMN column_edge.downstream_field IS 'The column that is made; NULL: the whole dataset (a filter, a join, an order).';
COMMENT ON COLUMN column_edge.transformation_type IS
    'DIRECT: the value comes from there; INDIRECT: it only depends on it; NULL: the producer did not say.';
COMMENT ON COLUMN column_edge.transformation_subtype IS
    'IDENTITY, TRANSFORMATION, AGGREGATION, JOIN, GROUP_BY, FILTER, SORT, WINDOW, CONDITIONAL, or the producer''s word.';
COMMENT ON COLUMN column_edge.masking IS 'The value is hidden on the way, as by a hash.';
COMMENT ON COLUMN column_edge.job_namespace IS 'Namespace of the job; NULL when a dataset event declares the edge.';
COMMENT ON COLUMN column_edge.job_name IS 'The job; NULL when a dataset event declares the edge.';
COMMENT ON COLUMN column_edge.first_seen_at IS 'Time of the earliest event of the runs that have it.';
COMMENT ON COLUMN column_edge.last_seen_at IS 'Time of the newest event of the runs that have it.';
COMMENT ON COLUMN column_edge.is_current IS 'The job''s newest finished run has it.';
COMMENT ON COLUMN column_edge.last_run_id IS 'The newest run that has it, finished or not.';
