-- One dataset is made from another by a job.
CREATE VIEW edge AS
FROM store.named_edge('store.edge_now');

COMMENT ON VIEW edge IS 'One dataset is made from another by a job.';
COMMENT ON COLUMN edge.upstream_namespace IS 'Namespace of the dataset that is read.';
COMMENT ON COLUMN edge.upstream_name IS 'Name of the dataset that is read.';
COMMENT ON COLUMN edge.downstream_namespace IS 'Namespace of the dataset that is made.';
COMMENT ON COLUMN edge.downstream_name IS 'Name of the dataset that is made.';
COMMENT ON COLUMN edge.job_namespace IS 'Namespace of the job; NULL when a dataset event declares the edge.';
COMMENT ON COLUMN edge.job_name IS 'The job; NULL when a dataset event declares the edge.';
COMMENT ON COLUMN edge.evidence IS
    'How it is known: column (the output''s column lineage names it) or inputs_outputs (one run has both).';
COMMENT ON COLUMN edge.first_seen_at IS 'Time of the earliest event of the runs that have it.';
COMMENT ON COLUMN edge.last_seen_at IS 'Time of the newest event of the runs that have it.';
COMMENT ON COLUMN edge.is_current IS
    'The job''s newest finished run has it. Only COMPLETE finishes a batch run; a streaming job is judged by its newest event.';
COMMENT ON COLUMN edge.last_run_id IS 'The newest run that has it, finished or not; NULL when it is only declared.';
