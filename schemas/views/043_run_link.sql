-- Which run started which, one row for each that has a parent: what it says itself, or else what its children say. A run that
-- never named a parent, such as one that sent nothing, is part of the root that they name.
CREATE VIEW store.run_link AS
WITH
    said_by_child AS (
        SELECT
            child.parent.run_id AS run_id,
            max(
                {
                    'event_time': child.parent.event_time,
                    'event_id': child.parent.event_id,
                    'root_id': child.parent.root_run_id
                }
            ).root_id AS parent_id
        FROM store.run AS child
        ANTI JOIN store.run AS own
            ON
                own.run_id = child.parent.run_id
                AND own.parent.run_id IS NOT NULL
        WHERE child.parent.root_run_id != child.parent.run_id
        GROUP BY child.parent.run_id
    )
SELECT
    run_id,
    parent.run_id AS parent_id,
    parent.root_run_id AS root_id  -- NULL: not said
FROM store.run
WHERE parent.run_id IS NOT NULL
UNION ALL BY NAME
FROM said_by_child;
