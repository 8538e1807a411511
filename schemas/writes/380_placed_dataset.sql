-- The datasets that DQOps' lineage tells of, under the names that they have as far as is known now. Its events have DQOps' own
-- names, which never change; what these mean may come to be known, or change, with every event and every setting. So all
-- of them are named anew whenever there may be something new: what comes first makes no difference.
CREATE OR REPLACE TEMP TABLE told_dataset AS
SELECT
    told.dataset_id,
    imported_dataset.dataset_id AS known_id,
    imported_dataset.namespace,
    imported_dataset.name,
    -- Of a name that no event has; half of an MD5 is as good an id as any, and SQL can make it.
    md5_number_lower('placed ' || imported_dataset.namespace || chr(0) || imported_dataset.name) AS placed_id
FROM store.dataset AS told
JOIN store.imported_dataset
    ON
        imported_dataset.tool = 'dqops'
        AND 'dqops://' || imported_dataset.source = told.namespace
        AND imported_dataset.said_name = told.name
WHERE starts_with(told.namespace, 'dqops://');

CREATE OR REPLACE TEMP TABLE needed_dataset AS
SELECT DISTINCT
    placed_id AS dataset_id,
    namespace,
    name
FROM told_dataset
WHERE known_id IS NULL AND NOT starts_with(namespace, 'dqops://');

DELETE FROM store.dataset
WHERE
    dataset_id IN (SELECT dataset_id FROM store.placed_dataset)
    AND dataset_id NOT IN (SELECT dataset_id FROM needed_dataset);

DELETE FROM store.placed_dataset
WHERE dataset_id NOT IN (SELECT dataset_id FROM needed_dataset);

INSERT INTO store.dataset BY NAME
SELECT
    *,
    dataset_id AS canonical_id
FROM needed_dataset
ANTI JOIN store.dataset USING (dataset_id);

INSERT INTO store.placed_dataset BY NAME
SELECT dataset_id
FROM needed_dataset
ANTI JOIN store.placed_dataset USING (dataset_id);

UPDATE store.dataset
SET canonical_id = named.canonical_id
FROM (
    SELECT
        told_dataset.dataset_id,
        coalesce(told_dataset.known_id, needed_dataset.dataset_id, told_dataset.dataset_id) AS canonical_id
    FROM told_dataset
    LEFT JOIN needed_dataset ON needed_dataset.dataset_id = told_dataset.placed_id
) AS named
WHERE
    dataset.dataset_id = named.dataset_id
    AND dataset.canonical_id != named.canonical_id;
