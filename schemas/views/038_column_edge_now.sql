-- The column edges as they stand, by id.
CREATE VIEW store.column_edge_now AS
FROM store.column_edge_of(
    'store.job_run', 'store.lineage', 'store.lineage_edge', 'store.lineage_column', 'store.lineage_explicit', NULL
);
