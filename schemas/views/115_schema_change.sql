-- Fields that came, went or changed their type, from one schema of a dataset to the next in event time.
CREATE VIEW schema_change AS
WITH
    observation AS (
        SELECT
            dataset.canonical_id AS dataset_id,
            event.event_time,
            event.event_id,
            event.run_key,
            max(shape_facet.document_id) AS document_id
        FROM store.event
        JOIN store.shape_facet USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        WHERE shape_facet.key = 'schema'
        GROUP BY ALL
    ),
    followed AS (
        SELECT
            *,
            lag(document_id) OVER (PARTITION BY dataset_id ORDER BY event_time, event_id) AS old_document_id
        FROM observation
    ),
    switch AS (
        SELECT * FROM followed WHERE document_id != old_document_id
    ),
    field_before AS (
        SELECT
            switch.dataset_id,
            switch.event_id,
            schema_field.field,
            schema_field.type
        FROM switch
        JOIN store.schema_field ON schema_field.document_id = switch.old_document_id
    ),
    field_after AS (
        SELECT
            switch.dataset_id,
            switch.event_id,
            schema_field.field,
            schema_field.type
        FROM switch
        JOIN store.schema_field ON schema_field.document_id = switch.document_id
    ),
    compared AS (
        SELECT
            dataset_id,
            event_id,
            field,
            field_before.field IS NULL AS is_added,
            field_after.field IS NULL AS is_removed,
            field_before.type AS old_type,
            field_after.type AS new_type
        FROM field_before
        FULL JOIN field_after USING (dataset_id, event_id, field)
    )
SELECT
    dataset.namespace,
    dataset.name,
    compared.field,
    CASE WHEN is_added THEN 'added' WHEN is_removed THEN 'removed' ELSE 'type_changed' END AS change,
    compared.old_type,
    compared.new_type,
    switch.event_time AS changed_at,
    run.run_id
FROM compared
JOIN switch USING (dataset_id, event_id)
JOIN store.dataset USING (dataset_id)
LEFT JOIN store.run ON run.run_key = switch.run_key
-- Producers disagree about the case of a type's name; INTEGER and integer are the same type.
WHERE is_added OR is_removed OR lower(compared.old_type) != lower(compared.new_type);

COMMENT ON VIEW schema_change IS
    'Fields that came, went or changed their type, from one schema of a dataset to the next in event time.';
COMMENT ON COLUMN schema_change.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN schema_change.name IS 'Name of the dataset.';
COMMENT ON COLUMN schema_change.field IS 'The field.';
COMMENT ON COLUMN schema_change.change IS 'added, removed or type_changed.';
COMMENT ON COLUMN schema_change.old_type IS 'Type before; NULL for an added field.';
COMMENT ON COLUMN schema_change.new_type IS 'Type after; NULL for a removed field.';
COMMENT ON COLUMN schema_change.changed_at IS 'Time of the first event with the new schema.';
COMMENT ON COLUMN schema_change.run_id IS 'Run of that event; NULL for a dataset event.';
