-- Which columns each lineage makes from which, by canonical id.
CREATE VIEW store.column_made_from AS
SELECT
    lineage_id,
    downstream_id,
    downstream_field,
    upstream_id,
    upstream_field,
    transformation_type,
    masking
FROM store.column_made_from_of('store.lineage_column', 'store.lineage_explicit')
WHERE upstream_field IS NOT NULL;
