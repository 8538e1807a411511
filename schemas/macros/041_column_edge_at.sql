-- The column edges as they stood at a moment, by id. NULL means now, for which store.column_edge_now is faster.
CREATE MACRO store.column_edge_at(ts) AS TABLE
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
    edge_then AS (
        FROM store.lineage_edge
        UNION ALL BY NAME
        FROM store.lineage_edge_of('passing_shape', 'passing_explicit', 'passing_column')
    ),
    column_then AS (
        FROM store.lineage_column
        UNION ALL BY NAME
        FROM passing_column
    ),
    explicit_then AS (
        FROM store.lineage_explicit
        UNION ALL BY NAME
        FROM passing_explicit
    )
FROM store.column_edge_of('run_then', 'lineage_then', 'edge_then', 'column_then', 'explicit_then', ts);
