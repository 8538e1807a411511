-- Where datasets are registered.
CREATE VIEW dataset_catalog AS
SELECT
    facet.namespace,
    facet.name,
    facet.body ->> '$.framework' AS framework,
    facet.body ->> '$.type' AS type,
    facet.body ->> '$.name' AS catalog_name,
    facet.body ->> '$.metadataUri' AS metadata_uri,
    facet.body ->> '$.warehouseUri' AS warehouse_uri,
    facet.body ->> '$.source' AS source,
    from_json(facet.body -> '$.catalogProperties', '"MAP(VARCHAR, VARCHAR)"') AS properties
FROM facet
WHERE facet.entity = 'dataset' AND facet.key = 'catalog';

COMMENT ON VIEW dataset_catalog IS 'The catalogs that datasets are registered in.';
COMMENT ON COLUMN dataset_catalog.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN dataset_catalog.name IS 'Name of the dataset.';
COMMENT ON COLUMN dataset_catalog.framework IS 'What kind of table it registers, such as iceberg.';
COMMENT ON COLUMN dataset_catalog.type IS 'What kind of catalog it is, such as hive, glue or rest.';
COMMENT ON COLUMN dataset_catalog.catalog_name IS 'What the catalog is called where it is used.';
COMMENT ON COLUMN dataset_catalog.metadata_uri IS 'Where the catalog is.';
COMMENT ON COLUMN dataset_catalog.warehouse_uri IS 'Where its data is.';
COMMENT ON COLUMN dataset_catalog.source IS 'What talks to it, such as spark or flink.';
COMMENT ON COLUMN dataset_catalog.properties IS 'Its other settings.';
