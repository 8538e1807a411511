-- The edges as they stood at a moment, by id, as far as they matter for what is reached from a dataset, upward or downward; of no
-- dataset (NULL), all. A moment of NULL means now.
CREATE MACRO store.edge_at(ts, ns, ds, downward) AS TABLE
WITH
    straddling_run AS MATERIALIZED (
        FROM store.straddling_run(ts)
    ),
    run_then AS (
        FROM store.job_run_at(ts, 'straddling_run')
    ),
    passing_shape AS MATERIALIZED (
        FROM store.passing_shape('straddling_run')
    ),
    lineage_then AS (
        FROM store.lineage
        UNION ALL BY NAME
        FROM store.lineage_of('passing_shape')
    ),
    passing_explicit AS MATERIALIZED (
        FROM store.lineage_explicit_of('passing_shape')
    ),
    passing_column AS MATERIALIZED (
        FROM store.lineage_column_of('passing_shape', 'passing_explicit')
    ),
    passing_edge AS MATERIALIZED (
        FROM store.lineage_edge_of('passing_shape', 'passing_explicit', 'passing_column')
    ),
    edge_then AS (
        FROM store.lineage_edge
        UNION ALL BY NAME
        FROM passing_edge
    ),
    renaming AS MATERIALIZED (
        FROM store.renaming
    ),
    lineage_near AS MATERIALIZED (
        FROM store.lineage_reached('edge_then', 'lineage_then', 'renaming', ns, ds, downward)
    ),
    edge_near AS MATERIALIZED (
        SELECT edge.*
        FROM edge_then AS edge
        SEMI JOIN lineage_near ON lineage_near.lineage_id = edge.lineage_id
    ),
    run_near AS (
        SELECT run.*
        FROM run_then AS run
        SEMI JOIN lineage_near ON lineage_near.lineage_id = run.lineage_id
    )
FROM store.edge_of('run_near', 'lineage_near', 'edge_near', 'renaming', ts);
