-- Names that turn out to be names of one dataset, whenever that is said.
CREATE OR REPLACE TEMP TABLE new_alias AS
SELECT batch.*
FROM batch_alias AS batch
ANTI JOIN store.alias USING (dataset_id, alias_id, type);

-- Only if there is any new_alias:
INSERT INTO store.alias FROM new_alias;

-- Every name that hangs together with a new alias gets its canonical name anew: an alias of type TABLE if there is one, else one
-- not given as LOCATION, the smallest of those. A name that a rule of the settings replaced (its alias has the type 'rule') is
-- never canonical.
CREATE OR REPLACE TEMP TABLE renamed AS
WITH RECURSIVE
    link AS MATERIALIZED (
        SELECT dataset_id AS one_id, alias_id AS other_id FROM store.alias
        UNION
        SELECT alias_id, dataset_id FROM store.alias
    ),
    -- From the names that are new to all that hang together with them. A set of names is known by its least id.
    member(dataset_id, set_id) USING KEY (dataset_id) AS (
        SELECT
            named.dataset_id,
            named.dataset_id
        FROM (
            SELECT dataset_id FROM new_alias
            UNION
            SELECT alias_id FROM new_alias
        ) AS named
        UNION
        SELECT
            link.other_id,
            min(member.set_id)
        FROM member
        JOIN link ON link.one_id = member.dataset_id
        LEFT JOIN recurring.member AS known ON known.dataset_id = link.other_id
        WHERE known.set_id IS NULL OR known.set_id > member.set_id
        GROUP BY link.other_id
    ),
    given AS (
        SELECT
            alias_id AS dataset_id,
            bool_or(type = 'TABLE') AS is_table,
            bool_or(type = 'LOCATION') AS is_location
        FROM store.alias
        GROUP BY alias_id
    ),
    replaced AS (
        SELECT DISTINCT dataset_id
        FROM store.alias
        WHERE type = 'rule'
    )
SELECT
    member.dataset_id,
    first_value(member.dataset_id) OVER (
        PARTITION BY member.set_id
        ORDER BY
            replaced.dataset_id IS NOT NULL,
            coalesce(given.is_table, false) DESC,
            coalesce(given.is_location, false),
            dataset.namespace,
            dataset.name
    ) AS canonical_id
FROM member
JOIN store.dataset USING (dataset_id)
LEFT JOIN given USING (dataset_id)
LEFT JOIN replaced USING (dataset_id);

UPDATE store.dataset
SET canonical_id = renamed.canonical_id
FROM renamed
WHERE
    dataset.dataset_id = renamed.dataset_id
    AND dataset.canonical_id != renamed.canonical_id;
