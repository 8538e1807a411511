-- What producers say outright about what is made from what: the lineage facets as they came.
CREATE VIEW explicit_lineage AS
WITH
    entry AS (
        SELECT
            facet.event_time,
            'DATASET' AS type,
            facet.namespace,
            facet.name,
            NULL::VARCHAR AS run_id,
            facet.body -> '$.inputs' AS inputs,
            facet.body -> '$.fields' AS fields
        FROM facet
        WHERE facet.entity = 'dataset' AND facet.key = 'lineage'
        UNION ALL
        SELECT
            said.event_time,
            coalesce(upper(said.entry ->> '$.type'), 'DATASET') AS type,
            -- A job without a name is the one that speaks.
            CASE WHEN said.entry ->> '$.name' IS NULL THEN said.namespace ELSE said.entry ->> '$.namespace' END
                AS namespace,
            coalesce(said.entry ->> '$.name', said.name) AS name,
            said.entry ->> '$.runId' AS run_id,
            said.entry -> '$.inputs' AS inputs,
            said.entry -> '$.fields' AS fields
        FROM (
            SELECT
                facet.event_time,
                facet.namespace,
                facet.name,
                unnest(from_json(facet.body -> '$.entries', '["JSON"]')) AS entry
            FROM facet
            WHERE facet.entity = 'job' AND facet.key = 'lineage'
        ) AS said
        WHERE json_type(said.entry) = 'OBJECT'
    ),
    field_entry AS (
        SELECT
            entry.* EXCLUDE (inputs, fields),
            unnest(map_entries(from_json(entry.fields, '"MAP(VARCHAR, JSON)"'))) AS field
        FROM entry
    ),
    source AS (
        SELECT
            entry.* EXCLUDE (inputs, fields),
            NULL::VARCHAR AS field,
            entry.inputs
        FROM entry
        UNION ALL
        SELECT
            field_entry.* EXCLUDE (field),
            field_entry.field.key AS field,
            field_entry.field.value -> '$.inputs' AS inputs
        FROM field_entry
    ),
    made AS (
        -- No upstream at all is worth saying, and a row.
        SELECT
            source.* EXCLUDE (inputs),
            unnest(CASE WHEN json_array_length(source.inputs) = 0 THEN [NULL] ELSE from_json(source.inputs, '["JSON"]') END)
                AS input
        FROM source
        WHERE json_type(source.inputs) = 'ARRAY'
    )
SELECT
    CASE WHEN made.input IS NOT NULL THEN coalesce(upper(made.input ->> '$.type'), 'DATASET') END AS upstream_type,
    made.input ->> '$.namespace' AS upstream_namespace,
    made.input ->> '$.name' AS upstream_name,
    made.input ->> '$.field' AS upstream_field,
    made.input ->> '$.runId' AS upstream_run_id,
    made.type AS downstream_type,
    made.namespace AS downstream_namespace,
    made.name AS downstream_name,
    made.field AS downstream_field,
    made.run_id AS downstream_run_id,
    from_json(
        made.input -> '$.transformations',
        '[{"type": "VARCHAR", "subtype": "VARCHAR", "description": "VARCHAR", "masking": "BOOLEAN"}]'
    ) AS transformations,
    made.event_time
FROM made;

COMMENT ON VIEW explicit_lineage IS
    'What producers say outright about what is made from what: the newest lineage facet of each job and dataset, as it came.';
COMMENT ON COLUMN explicit_lineage.upstream_type IS 'DATASET or JOB; NULL, with all of upstream: it is made from nothing.';
COMMENT ON COLUMN explicit_lineage.upstream_namespace IS 'Namespace of what is read; NULL with a job: the one that speaks.';
COMMENT ON COLUMN explicit_lineage.upstream_name IS 'Name of what is read; NULL with a job: the one that speaks.';
COMMENT ON COLUMN explicit_lineage.upstream_field IS
    'The field that is read; NULL: it is not known which, or all of them matter.';
COMMENT ON COLUMN explicit_lineage.upstream_run_id IS 'The run that is read from, for a job.';
COMMENT ON COLUMN explicit_lineage.downstream_type IS 'DATASET or JOB.';
COMMENT ON COLUMN explicit_lineage.downstream_namespace IS 'Namespace of what is made.';
COMMENT ON COLUMN explicit_lineage.downstream_name IS 'Name of what is made.';
COMMENT ON COLUMN explicit_lineage.downstream_field IS 'The field that is made; NULL: the whole.';
COMMENT ON COLUMN explicit_lineage.downstream_run_id IS 'The run that is made, for a job.';
COMMENT ON COLUMN explicit_lineage.transformations IS 'How what is read becomes what is made.';
COMMENT ON COLUMN explicit_lineage.event_time IS 'Time of the newest event that says so.';
