-- The runs that a run started, and those that they started in turn.
CREATE MACRO run_children(run) AS TABLE
WITH RECURSIVE
    link AS MATERIALIZED (
        SELECT
            run_link.run_id,
            run_link.parent_id
        FROM store.run_link
    ),
    child(run_id, depth) USING KEY (run_id) AS (
        SELECT
            run::VARCHAR,
            0
        UNION
        SELECT
            link.run_id,
            min(child.depth) + 1
        FROM child
        JOIN link ON link.parent_id = child.run_id
        LEFT JOIN recurring.child AS seen ON seen.run_id = link.run_id
        WHERE seen.run_id IS NULL
        GROUP BY link.run_id
    )
SELECT
    child.run_id,
    job.namespace AS job_namespace,
    job.name AS job_name,
    started.state.name AS state,
    child.depth
FROM child
JOIN store.run AS started ON started.run_id = child.run_id
JOIN store.job ON job.job_id = started.job.job_id
WHERE child.depth > 0
ORDER BY
    child.depth,
    child.run_id;

COMMENT ON MACRO TABLE run_children IS
    'The runs that a run started, directly or not. FROM run_children(''run id''): run_id, job_namespace, job_name, state, depth.';
