-- Which part of a dataset a run read or wrote.
CREATE VIEW dataset_subset AS
WITH
    said AS (
        SELECT
            facet.run_id,
            facet.entity AS direction,
            facet.namespace,
            facet.name,
            coalesce(facet.body -> '$.inputCondition', facet.body -> '$.outputCondition') AS condition
        FROM facet
        WHERE facet.entity IN ('input', 'output') AND facet.key = 'subset'
    ),
    part AS (
        SELECT
            said.*,
            lower(said.condition ->> '$.type') AS kind,
            unnest(
                CASE lower(said.condition ->> '$.type')
                    WHEN 'partition' THEN from_json(said.condition -> '$.partitions', '["JSON"]')
                    WHEN 'location' THEN from_json(said.condition -> '$.locations', '["JSON"]')
                    ELSE [NULL]
                END
            ) AS element
        FROM said
        WHERE json_type(said.condition) = 'OBJECT'
    )
SELECT
    part.run_id,
    part.direction,
    part.namespace,
    part.name,
    part.kind,
    CASE WHEN part.kind = 'partition' THEN part.element ->> '$.identifier' END AS partition,
    CASE
        WHEN part.kind = 'partition' THEN from_json(part.element -> '$.dimensions', '"MAP(VARCHAR, VARCHAR)"')
    END AS dimensions,
    CASE WHEN part.kind = 'location' THEN part.element ->> '$' END AS location,
    CASE WHEN part.kind NOT IN ('partition', 'location') THEN part.condition END AS condition
FROM part;

COMMENT ON VIEW dataset_subset IS
    'Which part of a dataset a run read or wrote: a row for each partition or location, or one for a condition.';
COMMENT ON COLUMN dataset_subset.run_id IS 'The run.';
COMMENT ON COLUMN dataset_subset.direction IS 'input or output.';
COMMENT ON COLUMN dataset_subset.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN dataset_subset.name IS 'Name of the dataset.';
COMMENT ON COLUMN dataset_subset.kind IS 'partition, location, compare or binary.';
COMMENT ON COLUMN dataset_subset.partition IS 'What the partition is called.';
COMMENT ON COLUMN dataset_subset.dimensions IS 'The values that make the partition, by dimension.';
COMMENT ON COLUMN dataset_subset.location IS 'Where the part is.';
COMMENT ON COLUMN dataset_subset.condition IS 'The condition, for compare and binary.';
