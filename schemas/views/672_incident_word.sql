-- What people did and what the webhook was told, a row for each failure that it was about, under the name that its dataset
-- has now: it may have got another one since, as when the events came that tell of it.
CREATE VIEW store.incident_word AS
WITH
    said AS (
        SELECT
            incident_action.incident_id,
            incident_action.acted_at AS said_at,
            incident_action.action,
            incident_action.actor,
            incident_action.note,
            unnest(coalesce(incident_action.failures, [])) AS failure
        FROM store.incident_action
        UNION ALL BY NAME
        SELECT
            incident_notice.incident_id,
            incident_notice.sent_at AS said_at,
            unnest(coalesce(incident_notice.failures, [])) AS failure
        FROM store.incident_notice
    ),
    -- A name that a tool gave, as long as it meant no dataset that was known. DQOps' connection stands for its namespace.
    imported AS (
        SELECT
            asked.tool,
            asked.namespace,
            asked.name,
            any_value(imported_dataset.namespace) AS new_namespace,
            any_value(imported_dataset.name) AS new_name
        FROM (
            SELECT DISTINCT
                said.failure.tool AS tool,
                said.failure.namespace AS namespace,
                said.failure.name AS name
            FROM said
            WHERE said.failure.name IS NOT NULL
        ) AS asked
        JOIN store.imported_dataset
            ON
                imported_dataset.tool = asked.tool
                AND imported_dataset.said_name = asked.name
        WHERE
            asked.namespace IS NULL
            OR NOT starts_with(asked.namespace, 'dqops://')
            OR asked.namespace = 'dqops://' || imported_dataset.source
        GROUP BY
            asked.tool,
            asked.namespace,
            asked.name
        HAVING count(DISTINCT (imported_dataset.namespace, imported_dataset.name)) = 1
    )
SELECT
    said.* EXCLUDE (failure),
    coalesce(canonical.namespace, imported.new_namespace, said.failure.namespace) AS namespace,
    coalesce(canonical.name, imported.new_name, said.failure.name) AS name,
    said.failure.field AS field,
    said.failure.check_name AS check_name,
    said.failure.tool AS tool,
    said.failure.first_failed_at AS first_failed_at,
    said.failure.last_failed_at AS last_failed_at
FROM said
LEFT JOIN imported
    ON
        imported.tool = said.failure.tool
        AND imported.namespace IS NOT DISTINCT FROM said.failure.namespace
        AND imported.name = said.failure.name
LEFT JOIN store.dataset
    ON
        dataset.namespace = said.failure.namespace
        AND dataset.name = said.failure.name
LEFT JOIN store.dataset AS canonical ON canonical.dataset_id = dataset.canonical_id;
