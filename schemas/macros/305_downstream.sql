-- Every dataset that is made from this one.
CREATE MACRO downstream(ns, ds, max_depth := NULL, as_of := NULL) AS TABLE
WITH
    step AS MATERIALIZED (
        SELECT DISTINCT
            edge.upstream_id AS from_id,
            edge.downstream_id AS to_id
        FROM store.edge_at(as_of::TIMESTAMPTZ, ns, ds, true) AS edge
        WHERE edge.is_current
    )
FROM store.walk('step', ns, ds, max_depth);

COMMENT ON MACRO TABLE downstream IS
    'Every dataset that is made from this one. FROM downstream(''ns'', ''ds'', max_depth := 3, as_of := now()): namespace, name, depth (shortest).';
