-- Which dataset each name means that a tool gave. Tools know connections and tables, not OpenLineage names: a name means
-- the one dataset that has it, or whose name ends in it at a dot or slash, whatever the case and the quotes. Events that
-- come later make links, and may undo one that is no longer the only one. dataset_id is NULL if no dataset is known by the
-- name.
CREATE VIEW store.imported_dataset AS
WITH
    wanted AS (
        SELECT
            imported.tool,
            imported.source,
            imported.namespace AS said_namespace,
            imported.name AS said_name,
            coalesce(nullif(imported.namespace, ''), setting.namespace, guess.namespace) AS namespace,
            -- What a file tells about a connection may name the host in another way than the events do.
            imported.namespace != '' OR setting.namespace IS NOT NULL AS is_certain,
            CASE
                WHEN imported.namespace != '' OR guess.database IS NULL THEN imported.name
                WHEN starts_with(lower(imported.name), lower(guess.database) || '.') THEN imported.name
                ELSE guess.database || '.' || imported.name
            END AS name
        FROM store.imported_name AS imported
        LEFT JOIN store.source_namespace AS setting
            ON setting.tool = '' AND setting.source = imported.source
        LEFT JOIN store.source_namespace AS guess
            ON guess.tool = imported.tool AND guess.source = imported.source
    ),
    spelled AS (
        SELECT
            *,
            replace(translate(lower(name), '"`[]', ''), '/', '.') AS spelling
        FROM wanted
    ),
    part AS (
        SELECT
            namespace,
            canonical_id,
            string_split(replace(translate(lower(name), '"`[]', ''), '/', '.'), '.') AS parts
        FROM store.dataset
        ANTI JOIN store.placed_dataset USING (dataset_id)
        WHERE NOT starts_with(namespace, 'dqops://')
    ),
    ending AS (
        SELECT
            namespace,
            canonical_id,
            place = 1 AS is_whole,
            array_to_string(parts[place:], '.') AS spelling
        FROM (SELECT *, unnest(range(1, len(parts) + 1)) AS place FROM part)
    ),
    candidate AS (
        SELECT ending.*
        FROM ending
        SEMI JOIN spelled USING (spelling)
    ),
    -- The whole name goes before an ending; two datasets that fit are none.
    in_namespace AS (
        SELECT
            namespace,
            spelling,
            CASE
                WHEN count(DISTINCT canonical_id) FILTER (is_whole) = 1 THEN any_value(canonical_id) FILTER (is_whole)
                WHEN count(DISTINCT canonical_id) = 1 THEN any_value(canonical_id)
            END AS canonical_id
        FROM candidate
        GROUP BY namespace, spelling
    ),
    anywhere AS (
        SELECT
            spelling,
            CASE
                WHEN count(DISTINCT canonical_id) FILTER (is_whole) = 1 THEN any_value(canonical_id) FILTER (is_whole)
                WHEN count(DISTINCT canonical_id) = 1 THEN any_value(canonical_id)
            END AS canonical_id
        FROM candidate
        GROUP BY spelling
    )
SELECT
    spelled.tool,
    spelled.source,
    spelled.said_namespace,
    spelled.said_name,
    coalesce(
        dataset.namespace,
        spelled.namespace,
        -- DQOps names a table in full, so its connection stands for the place that is not known.
        CASE WHEN spelled.tool = 'dqops' THEN 'dqops://' || spelled.source END
    ) AS namespace,
    coalesce(dataset.name, spelled.name) AS name,
    dataset.dataset_id
FROM spelled
LEFT JOIN in_namespace
    ON in_namespace.namespace = spelled.namespace AND in_namespace.spelling = spelled.spelling
LEFT JOIN anywhere ON anywhere.spelling = spelled.spelling AND NOT spelled.is_certain
LEFT JOIN store.dataset ON dataset.dataset_id = coalesce(in_namespace.canonical_id, anywhere.canonical_id);
