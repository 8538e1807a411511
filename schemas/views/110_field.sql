-- The fields of each dataset's current schema; nested fields are named a.b.
CREATE VIEW field AS
WITH
    -- A field is seen whenever a schema that has it is.
    seen AS (
        SELECT
            dataset.canonical_id AS dataset_id,
            schema_field.field,
            min(shape_seen.first_seen_at) AS first_seen_at,
            max(shape_seen.newest.event_time) AS last_seen_at
        FROM store.shape_facet
        JOIN store.shape_seen USING (shape_id)
        JOIN store.schema_field USING (document_id)
        JOIN store.dataset USING (dataset_id)
        WHERE shape_facet.key = 'schema'
        GROUP BY ALL
    )
SELECT
    dataset.namespace,
    dataset.name,
    schema_field.field,
    schema_field.ordinal,
    schema_field.type,
    schema_field.description,
    seen.first_seen_at,
    seen.last_seen_at
FROM store.facet_in_force
JOIN store.dataset USING (dataset_id)
JOIN store.schema_field USING (document_id)
JOIN seen
    ON
        seen.dataset_id = facet_in_force.dataset_id
        AND seen.field = schema_field.field
WHERE facet_in_force.key = 'schema';

COMMENT ON VIEW field IS 'The fields of each dataset''s current schema; nested fields are named a.b.';
COMMENT ON COLUMN field.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN field.name IS 'Name of the dataset.';
COMMENT ON COLUMN field.field IS 'Name of the field.';
COMMENT ON COLUMN field.ordinal IS 'Place in the schema, from 0, counted depth first.';
COMMENT ON COLUMN field.type IS 'Type, in the words of the producer.';
COMMENT ON COLUMN field.description IS 'What the field is for.';
COMMENT ON COLUMN field.first_seen_at IS 'Time of the earliest event whose schema has the field.';
COMMENT ON COLUMN field.last_seen_at IS 'Time of the newest event whose schema has the field.';
