-- The other names of datasets, as their symlinks facets give them.
CREATE VIEW dataset_alias AS
SELECT DISTINCT
    dataset.namespace,
    dataset.name,
    symlink.namespace AS alias_namespace,
    symlink.name AS alias_name,
    symlink.type AS alias_type
FROM store.facet_in_force
JOIN store.dataset USING (dataset_id)
JOIN store.symlink USING (document_id)
WHERE facet_in_force.key = 'symlinks';

COMMENT ON VIEW dataset_alias IS 'The other names of datasets, as their symlinks facets give them.';
COMMENT ON COLUMN dataset_alias.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN dataset_alias.name IS 'Name of the dataset.';
COMMENT ON COLUMN dataset_alias.alias_namespace IS 'Namespace of the other name.';
COMMENT ON COLUMN dataset_alias.alias_name IS 'The other name.';
COMMENT ON COLUMN dataset_alias.alias_type IS 'What kind of name it is, such as TABLE or LOCATION.';
