-- What is affected by a dataset or one of its fields: everything that is made from it, with who answers for it and how bad
-- its checks say that it is.
--
-- With a field the walk follows columns, direct or not; where column lineage is missing, whole datasets.
CREATE MACRO blast_radius(ns, ds, fld := NULL, as_of := NULL) AS TABLE
WITH
    affected AS MATERIALIZED (
        SELECT
            downstream.namespace,
            downstream.name,
            NULL::VARCHAR AS field,
            downstream.depth
        FROM downstream(ns, ds, as_of := as_of::TIMESTAMPTZ) AS downstream
        WHERE fld IS NULL
        UNION ALL
        SELECT
            made.namespace,
            made.name,
            made.field,
            made.depth
        FROM column_downstream(ns, ds, fld, as_of := as_of::TIMESTAMPTZ) AS made
        WHERE fld IS NOT NULL
        UNION ALL
        -- A dataset below that column lineage does not reach may still be made from the field.
        SELECT
            downstream.namespace,
            downstream.name,
            NULL::VARCHAR AS field,
            downstream.depth
        FROM downstream(ns, ds, as_of := as_of::TIMESTAMPTZ) AS downstream
        ANTI JOIN column_edge
            ON
                column_edge.downstream_namespace = downstream.namespace
                AND column_edge.downstream_name = downstream.name
        WHERE fld IS NOT NULL
    ),
    affected_dataset AS MATERIALIZED (
        SELECT DISTINCT
            dataset.canonical_id AS dataset_id,
            dataset.namespace,
            dataset.name
        FROM affected
        JOIN store.dataset
            ON
                dataset.namespace = affected.namespace
                AND dataset.name = affected.name
    ),
    owned AS (
        SELECT
            affected_dataset.namespace,
            affected_dataset.name,
            from_json(ownership.body -> '$.owners[*].name', '["VARCHAR"]') AS owners
        FROM affected_dataset
        JOIN store.facet_in_force AS ownership
            ON
                ownership.dataset_id = affected_dataset.dataset_id
                AND ownership.key = 'ownership'
    ),
    facet AS (
        FROM store.dataset_facet_of((SELECT list(affected_dataset.dataset_id) FROM affected_dataset))
    ),
    newest AS (
        SELECT
            check_result.namespace,
            check_result.name,
            check_result.check_name,
            check_result.field,
            arg_max(check_result.severity, check_result.executed_at) AS severity
        FROM store.check_result_of('facet') AS check_result
        SEMI JOIN affected
            ON
                affected.namespace = check_result.namespace
                AND affected.name = check_result.name
        WHERE
            check_result.severity IS NOT NULL
            AND (as_of IS NULL OR check_result.executed_at <= as_of::TIMESTAMPTZ)
        GROUP BY ALL
    )
SELECT
    affected.namespace,
    affected.name,
    affected.field,
    affected.depth,
    ['valid', 'warning', 'error', 'fatal'][
        max(list_position(['valid', 'warning', 'error', 'fatal'], newest.severity))
    ] AS current_severity,
    any_value(owned.owners) AS owners
FROM affected
LEFT JOIN owned
    ON
        owned.namespace = affected.namespace
        AND owned.name = affected.name
LEFT JOIN newest
    ON
        newest.namespace = affected.namespace
        AND newest.name = affected.name
        AND (affected.field IS NULL OR newest.field IS NULL OR newest.field = affected.field)
GROUP BY
    affected.namespace,
    affected.name,
    affected.field,
    affected.depth
ORDER BY
    affected.depth,
    affected.namespace,
    affected.name,
    affected.field;

COMMENT ON MACRO TABLE blast_radius IS
    'What is affected by a dataset or a field. FROM blast_radius(''ns'', ''ds'', fld := ''column'', as_of := now()): namespace, name, field, depth, current_severity (of the newest result of each check, the worst), owners.';
