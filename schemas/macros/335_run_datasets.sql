-- What a run and the runs that it started read and wrote together: so a DAG has the datasets of its tasks.
CREATE MACRO run_datasets(run) AS TABLE
WITH
    member AS (
        SELECT
            run::VARCHAR AS run_id,
            0 AS depth
        UNION ALL
        SELECT
            child.run_id,
            child.depth
        FROM run_children(run) AS child
    )
SELECT
    run_dataset.direction,
    run_dataset.namespace,
    run_dataset.name,
    run_dataset.run_id,
    member.depth
FROM run_dataset
JOIN member ON member.run_id = run_dataset.run_id
ORDER BY
    run_dataset.direction,
    run_dataset.namespace,
    run_dataset.name,
    member.depth,
    run_dataset.run_id;

COMMENT ON MACRO TABLE run_datasets IS
    'What a run and the runs that it started read and wrote. FROM run_datasets(''run id''): direction, namespace, name, run_id (which of them), depth.';
