-- The graph as it stood at a moment; NULL means now.
CREATE MACRO lineage_as_of(ts) AS TABLE
WITH
    edge_then AS (
        FROM store.edge_at(ts::TIMESTAMPTZ, NULL, NULL, false)
    )
FROM store.named_edge('edge_then');

COMMENT ON MACRO TABLE lineage_as_of IS
    'The graph as it stood at a moment, with the columns of edge: FROM lineage_as_of(TIMESTAMPTZ ''2026-11-22 06:00:00Z'').';
