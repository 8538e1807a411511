-- The other names of datasets. Producers give them as symlinks, either way round; names that hang together are one dataset.
CREATE VIEW dataset_alias AS
SELECT
    canonical.namespace,
    canonical.name,
    other.namespace AS alias_namespace,
    other.name AS alias_name,
    nullif(max(alias.type), '') AS alias_type
FROM store.dataset AS other
JOIN store.dataset AS canonical ON canonical.dataset_id = other.canonical_id
LEFT JOIN store.alias ON alias.alias_id = other.dataset_id
WHERE other.dataset_id != other.canonical_id
GROUP BY ALL;

COMMENT ON VIEW dataset_alias IS 'The other names of datasets. Views show the canonical one; every name finds the dataset.';
COMMENT ON COLUMN dataset_alias.namespace IS 'Namespace of the canonical name.';
COMMENT ON COLUMN dataset_alias.name IS 'The canonical name: of type TABLE if there is one, else not a LOCATION, the smallest of those.';
COMMENT ON COLUMN dataset_alias.alias_namespace IS 'Namespace of the other name.';
COMMENT ON COLUMN dataset_alias.alias_name IS 'The other name.';
COMMENT ON COLUMN dataset_alias.alias_type IS
    'What kind of name it was given as, such as TABLE or LOCATION; NULL when it was not said or is the name that has the symlinks.';
