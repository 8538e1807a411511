-- The roots of runs that have a parent and name no root: the end of the chain of parents, or the root that one on the way names.
--
-- From the ends downwards: each run is come to once, and those that are parents of each other in a circle never, for they have
-- no root. Where producers name roots there is next to nothing to walk.
CREATE VIEW store.run_root AS
WITH RECURSIVE
    link AS MATERIALIZED (
        FROM store.run_link
    ),
    unrooted AS MATERIALIZED (
        SELECT *
        FROM link
        WHERE root_id IS NULL
    ),
    rooted(run_id, root_id) USING KEY (run_id) AS (
        SELECT
            link.run_id,
            link.root_id
        FROM link
        SEMI JOIN unrooted ON unrooted.parent_id = link.run_id
        WHERE link.root_id IS NOT NULL
        UNION ALL
        SELECT
            unrooted.run_id,
            unrooted.parent_id
        FROM unrooted
        ANTI JOIN link ON link.run_id = unrooted.parent_id
        UNION
        SELECT
            unrooted.run_id,
            rooted.root_id
        FROM rooted
        JOIN unrooted ON unrooted.parent_id = rooted.run_id
    )
FROM rooted;
