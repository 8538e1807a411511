-- What happened to datasets as such, once more by itself: these facets are few, and every walk asks for them.
INSERT INTO store.lifecycle_facet
WITH
    -- DuckDB 1.5 cannot push a join's filter on a UUID down into Arrow.
    batch AS MATERIALIZED (
        SELECT * EXCLUDE (key)
        FROM batch_passing_facet
        WHERE key = 'lifecycleStateChange'
    )
SELECT batch.*
FROM batch
SEMI JOIN new_event USING (event_id);
