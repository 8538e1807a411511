-- How nodes hang together: a node is a field of a dataset, or '' for its rows. By column lineage; by rows; and where lineage
-- says nothing, by names. The parameters are the names of tables.
CREATE MACRO store.node_link_of(columns, datasets, fields, weights) AS TABLE
SELECT
    downstream_id,
    downstream_field,
    upstream_id,
    upstream_field,
    max(strength) AS strength
FROM (
    SELECT
        column_link.downstream_id,
        coalesce(column_link.downstream_field, '') AS downstream_field,
        column_link.upstream_id,
        column_link.upstream_field,
        column_link.strength
    FROM query_table(columns) AS column_link
    UNION ALL BY NAME
    SELECT
        table_link.downstream_id,
        '' AS downstream_field,
        table_link.upstream_id,
        '' AS upstream_field,
        weight.table_rows AS strength
    FROM query_table(datasets) AS table_link
    CROSS JOIN query_table(weights) AS weight
    UNION ALL BY NAME
    SELECT
        known_field.dataset_id AS downstream_id,
        known_field.field AS downstream_field,
        known_field.dataset_id AS upstream_id,
        '' AS upstream_field,
        weight.rows AS strength
    FROM query_table(fields) AS known_field
    CROSS JOIN query_table(weights) AS weight
    WHERE known_field.field != ''
    UNION ALL BY NAME
    -- Column lineage is missing: the fields of one name, if any.
    SELECT
        table_link.downstream_id,
        below.field AS downstream_field,
        table_link.upstream_id,
        above.field AS upstream_field,
        CASE WHEN below.field = above.field THEN weight.same_name ELSE weight.other_name END AS strength
    FROM query_table(datasets) AS table_link
    CROSS JOIN query_table(weights) AS weight
    ANTI JOIN query_table(columns) AS column_link
        ON
            column_link.downstream_id = table_link.downstream_id
            AND column_link.upstream_id = table_link.upstream_id
    JOIN query_table(fields) AS below ON below.dataset_id = table_link.downstream_id AND below.field != ''
    JOIN query_table(fields) AS above ON above.dataset_id = table_link.upstream_id AND above.field != ''
)
GROUP BY ALL;
