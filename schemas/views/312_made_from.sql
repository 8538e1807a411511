-- What each lineage makes from what, by canonical id.
CREATE VIEW store.made_from AS
SELECT DISTINCT
    lineage_id,
    job_id,
    upstream_id,
    downstream_id
FROM store.made_from_of('store.lineage_edge');
