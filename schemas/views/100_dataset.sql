-- Every table, file or topic that an event named.
CREATE VIEW dataset AS
WITH
    -- Being named by column lineage only is enough to be a dataset.
    appearance AS (
        SELECT
            shape_dataset.dataset_id,
            shape_seen.first_seen_at,
            shape_seen.newest.event_time AS last_seen_at
        FROM store.shape_dataset
        JOIN store.shape_seen USING (shape_id)
        UNION ALL
        SELECT
            upstream_id,
            first_seen_at,
            last_seen_at
        FROM store.edge_at(NULL)
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
            max({'event_time': event_time, 'event_id': event_id, 'body': body}) AS newest
        FROM store.passing_facet_in_force
        WHERE key = 'lifecycleStateChange'
        GROUP BY dataset_id
    ),
    renaming AS (
        SELECT
            lifecycle.newest.body ->> '$.previousIdentifier.namespace' AS old_namespace,
            lifecycle.newest.body ->> '$.previousIdentifier.name' AS old_name,
            max({'event_time': lifecycle.newest.event_time, 'namespace': dataset.namespace, 'name': dataset.name})
                AS newest
        FROM lifecycle
        JOIN store.dataset USING (dataset_id)
        WHERE upper(lifecycle.newest.body ->> '$.lifecycleStateChange') = 'RENAME'
        GROUP BY ALL
    )
SELECT
    dataset.namespace,
    dataset.name,
    dataset_type.body ->> '$.datasetType' AS dataset_type,
    documentation.body ->> '$.description' AS description,
    from_json(ownership.body -> '$.owners[*].name', '["VARCHAR"]') AS owners,
    seen.first_seen_at,
    seen.last_seen_at,
    write.newest.written_at AS last_written_at,
    write.newest.run_id AS last_write_run_id,
    CASE
        WHEN
            upper(lifecycle.newest.body ->> '$.lifecycleStateChange') = 'DROP'
            AND lifecycle.newest.event_time >= coalesce(write.newest.written_at, lifecycle.newest.event_time)
            THEN lifecycle.newest.event_time
    END AS dropped_at,
    renaming.newest.namespace AS renamed_to_namespace,
    renaming.newest.name AS renamed_to_name
FROM seen
JOIN store.dataset USING (dataset_id)
LEFT JOIN store.facet_in_force AS dataset_type
    ON dataset_type.dataset_id = seen.dataset_id AND dataset_type.key = 'datasetType'
LEFT JOIN store.facet_in_force AS documentation
    ON documentation.dataset_id = seen.dataset_id AND documentation.key = 'documentation'
LEFT JOIN store.facet_in_force AS ownership
    ON ownership.dataset_id = seen.dataset_id AND ownership.key = 'ownership'
LEFT JOIN write ON write.dataset_id = seen.dataset_id
LEFT JOIN lifecycle ON lifecycle.dataset_id = seen.dataset_id
LEFT JOIN renaming ON renaming.old_namespace = dataset.namespace AND renaming.old_name = dataset.name;

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
