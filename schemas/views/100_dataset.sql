-- Every table, file or topic that an event named.
CREATE VIEW dataset AS
WITH
    -- Being named by column lineage only is enough to be a dataset. What a test writes is none: dbt names a table for the
    -- failed rows of each test, whether it keeps them or not.
    appearance AS (
        SELECT
            dataset.canonical_id AS dataset_id,
            shape_seen.first_seen_at,
            shape_seen.newest.event_time AS last_seen_at
        FROM store.shape_dataset
        JOIN store.shape_seen USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        JOIN store.shape USING (shape_id)
        WHERE NOT (shape_dataset.direction = 'output' AND shape.job_type IS NOT DISTINCT FROM 'TEST')
        UNION ALL
        SELECT
            upstream_id,
            first_seen_at,
            last_seen_at
        FROM store.edge_now
    ),
    seen AS (
        SELECT
            dataset_id,
            min(first_seen_at) AS first_seen_at,
            max(last_seen_at) AS last_seen_at
        FROM appearance
        GROUP BY dataset_id
    ),
    write AS (
        SELECT
            dataset_id,
            max({'written_at': written_at, 'run_id': run_id}) AS newest
        FROM store.newest_write
        GROUP BY dataset_id
    ),
    lifecycle AS (
        SELECT
            dataset_id,
            max({'event_time': event_time, 'event_id': event_id, 'change': change}) AS newest
        FROM store.lifecycle_change
        GROUP BY dataset_id
    ),
    version AS (
        SELECT
            dataset_id,
            max({'event_time': event_time, 'event_id': event_id, 'body': body}) AS newest
        FROM store.passing_facet_in_force
        WHERE key = 'version' AND entity = 'dataset'
        GROUP BY dataset_id
        HAVING NOT max({'event_time': event_time, 'event_id': event_id, 'deleted': deleted}).deleted
    ),
    -- All in one pass; there is one facet of each key.
    said AS (
        SELECT
            dataset_id,
            any_value(body) FILTER (key = 'datasetType') AS dataset_type,
            any_value(body) FILTER (key = 'documentation') AS documentation,
            any_value(body) FILTER (key = 'ownership') AS ownership,
            any_value(body) FILTER (key = 'dataSource') AS data_source,
            any_value(body) FILTER (key = 'storage') AS storage,
            any_value(body) FILTER (key = 'hierarchy') AS hierarchy
        FROM store.facet_in_force
        WHERE key IN ('datasetType', 'documentation', 'ownership', 'dataSource', 'storage', 'hierarchy')
        GROUP BY dataset_id
    ),
    renaming AS (
        SELECT
            renaming.old_id,
            max({'renamed_at': renaming.renamed_at, 'namespace': dataset.namespace, 'name': dataset.name}) AS newest
        FROM store.renaming
        JOIN store.dataset ON dataset.dataset_id = renaming.new_id
        WHERE renaming.written_again_at IS NULL
        GROUP BY renaming.old_id
    )
SELECT
    dataset.namespace,
    dataset.name,
    said.dataset_type ->> '$.datasetType' AS dataset_type,
    said.documentation ->> '$.description' AS description,
    from_json(said.ownership -> '$.owners[*].name', '["VARCHAR"]') AS owners,
    seen.first_seen_at,
    seen.last_seen_at,
    write.newest.written_at AS last_written_at,
    write.newest.run_id AS last_write_run_id,
    CASE
        WHEN
            lifecycle.newest.change = 'DROP'
            AND lifecycle.newest.event_time >= coalesce(write.newest.written_at, lifecycle.newest.event_time)
            THEN lifecycle.newest.event_time
    END AS dropped_at,
    renaming.newest.namespace AS renamed_to_namespace,
    renaming.newest.name AS renamed_to_name,
    said.dataset_type ->> '$.subType' AS dataset_sub_type,
    said.documentation ->> '$.contentType' AS description_content_type,
    said.data_source ->> '$.name' AS data_source,
    said.data_source ->> '$.uri' AS data_source_uri,
    said.storage ->> '$.storageLayer' AS storage_layer,
    said.storage ->> '$.fileFormat' AS file_format,
    from_json(said.hierarchy -> '$.hierarchy', '[{"type": "VARCHAR", "name": "VARCHAR"}]') AS hierarchy,
    version.newest.body ->> '$.datasetVersion' AS dataset_version,
    lifecycle.newest.change AS lifecycle_state_change,
    CASE WHEN lifecycle.newest.change IS NOT NULL THEN lifecycle.newest.event_time END AS lifecycle_changed_at
FROM seen
JOIN store.dataset USING (dataset_id)
LEFT JOIN said ON said.dataset_id = seen.dataset_id
LEFT JOIN version ON version.dataset_id = seen.dataset_id
LEFT JOIN write ON write.dataset_id = seen.dataset_id
LEFT JOIN lifecycle ON lifecycle.dataset_id = seen.dataset_id
LEFT JOIN renaming ON renaming.old_id = seen.dataset_id;

COMMENT ON VIEW dataset IS 'Every table, file or topic that an event named.';
COMMENT ON COLUMN dataset.namespace IS 'Where the dataset is, such as postgres://db:5432.';
COMMENT ON COLUMN dataset.name IS 'Its name there, such as shop.public.orders.';
COMMENT ON COLUMN dataset.dataset_type IS 'Table, view, file, topic, as its producer says.';
COMMENT ON COLUMN dataset.description IS 'What the dataset is for.';
COMMENT ON COLUMN dataset.owners IS 'Who answers for it.';
COMMENT ON COLUMN dataset.first_seen_at IS 'Time of the earliest event that named it.';
COMMENT ON COLUMN dataset.last_seen_at IS 'Time of the newest event that named it.';
COMMENT ON COLUMN dataset.last_written_at IS 'End of the newest completed run that wrote it; NULL when none is known.';
COMMENT ON COLUMN dataset.last_write_run_id IS 'That run.';
COMMENT ON COLUMN dataset.dropped_at IS 'When it was dropped, if nothing wrote it since.';
COMMENT ON COLUMN dataset.renamed_to_namespace IS 'Namespace of the name it was given when it was renamed.';
COMMENT ON COLUMN dataset.renamed_to_name IS 'The name it was given when it was renamed.';
COMMENT ON COLUMN dataset.dataset_sub_type IS 'A closer word for its type, such as EXTERNAL or MATERIALIZED.';
COMMENT ON COLUMN dataset.description_content_type IS 'How the description is written, such as text/markdown.';
COMMENT ON COLUMN dataset.data_source IS 'What holds it: a database, a cluster, a bucket.';
COMMENT ON COLUMN dataset.data_source_uri IS 'Where that is.';
COMMENT ON COLUMN dataset.storage_layer IS 'The layer that stores it, such as iceberg or delta.';
COMMENT ON COLUMN dataset.file_format IS 'The format of its files, such as parquet.';
COMMENT ON COLUMN dataset.hierarchy IS 'The way to it, outermost first: type and name of each level.';
COMMENT ON COLUMN dataset.dataset_version IS 'The version of its data that was named last, such as a snapshot id.';
COMMENT ON COLUMN dataset.lifecycle_state_change IS
    'What was done to it last, of ALTER, CREATE, DROP, OVERWRITE, RENAME and TRUNCATE.';
COMMENT ON COLUMN dataset.lifecycle_changed_at IS 'When that was.';
