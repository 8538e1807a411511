-- The edges as they stand, by id.
CREATE VIEW store.edge_now AS
FROM store.edge_of('store.job_run', 'store.lineage', 'store.lineage_edge', 'store.renaming', NULL);
