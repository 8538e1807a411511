-- Every dataset that this one is made from.
CREATE MACRO upstream(ns, ds, max_depth := NULL, as_of := NULL) AS TABLE
WITH
    step AS MATERIALIZED (
        SELECT DISTINCT
            edge.downstream_id AS from_id,
            edge.upstream_id AS to_id
        FROM store.edge_at(as_of::TIMESTAMPTZ, ns, ds, false) AS edge
        WHERE edge.is_current
    )
FROM store.walk('step', ns, ds, max_depth);

COMMENT ON MACRO TABLE upstream IS
    'Every dataset that this one is made from. FROM upstream(''ns'', ''ds'', max_depth := 3, as_of := now()): namespace, name, depth (shortest).';
