-- The columns behind a column.
CREATE MACRO column_upstream(ns, ds, fld, indirect := true, max_depth := NULL, as_of := NULL) AS TABLE
WITH
    step AS (
        SELECT
            edge.downstream_id AS from_id,
            edge.downstream_field AS from_field,
            edge.upstream_id AS to_id,
            edge.upstream_field AS to_field,
            edge.transformation_type
        FROM store.column_edge_at(as_of::TIMESTAMPTZ, ns, ds, false) AS edge
        WHERE edge.is_current
    )
FROM store.column_walk('step', ns, ds, fld, indirect, max_depth);

COMMENT ON MACRO TABLE column_upstream IS
    'The columns behind a column. FROM column_upstream(''ns'', ''ds'', ''field'', indirect := true, max_depth := 3, as_of := now()): namespace, name, field, depth, transformation_type.';
