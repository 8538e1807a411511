-- What each run, and the runs that it started, read and wrote together: so a DAG has the datasets of its tasks.
CREATE VIEW run_rollup AS
WITH RECURSIVE
    -- Runs may name each other as parents in a circle; UNION keeps each pair once.
    family(run_id, member_id) AS (
        SELECT
            run_id,
            run_id
        FROM store.run
        UNION
        SELECT
            run_link.parent_id,
            family.member_id
        FROM family
        JOIN store.run_link ON run_link.run_id = family.run_id
    )
SELECT DISTINCT
    family.run_id,
    run_dataset.direction,
    run_dataset.namespace,
    run_dataset.name
FROM family
JOIN run_dataset ON run_dataset.run_id = family.member_id;

COMMENT ON VIEW run_rollup IS
    'What each run, and the runs that it started, read and wrote together. It goes through all runs, whatever is asked: for one run of a large store take run_datasets(''run id'').';
COMMENT ON COLUMN run_rollup.run_id IS 'The run, such as that of a DAG.';
COMMENT ON COLUMN run_rollup.direction IS 'input or output; what one task writes and another reads is both.';
COMMENT ON COLUMN run_rollup.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN run_rollup.name IS 'The dataset.';
