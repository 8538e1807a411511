-- The edges as they stood at a moment, by id. NULL means now, for which store.edge_now is faster.
CREATE MACRO store.edge_at(ts) AS TABLE
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
    )
FROM store.edge_of('run_then', 'lineage_then', 'edge_then', ts);
