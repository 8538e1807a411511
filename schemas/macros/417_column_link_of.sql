-- The columns that each version in place is made from, by the column lineage that its own run had, with how strongly they hang
-- together. The parameters are the names of tables.
CREATE MACRO store.column_link_of(places, attempts, weights) AS TABLE
WITH
    -- Column graph of the versions that were read.
    column_near AS (
        SELECT lineage_column.*
        FROM store.lineage_column
        SEMI JOIN query_table(attempts) AS attempt ON attempt.lineage_id = lineage_column.lineage_id
    ),
    explicit_near AS (
        SELECT lineage_explicit.*
        FROM store.lineage_explicit
        SEMI JOIN query_table(attempts) AS attempt ON attempt.lineage_id = lineage_explicit.lineage_id
    )
SELECT
    place.dataset_id AS downstream_id,
    column_lineage.downstream_field,
    column_lineage.upstream_id,
    column_lineage.upstream_field,
    max(
        CASE column_lineage.transformation_type
            WHEN 'DIRECT' THEN weight.direct
            WHEN 'INDIRECT' THEN weight.indirect
            ELSE weight.unsaid
        END
        * CASE WHEN column_lineage.masking THEN weight.masked ELSE 1 END
    ) AS strength
FROM query_table(places) AS place
CROSS JOIN query_table(weights) AS weight
JOIN store.column_made_from_of('column_near', 'explicit_near') AS column_lineage
    ON
        column_lineage.lineage_id = coalesce(place.written.lineage_id, place.tried.lineage_id)
        AND column_lineage.downstream_id = place.dataset_id
GROUP BY ALL;
