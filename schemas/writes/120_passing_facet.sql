-- Facets of single runs and moments, of the events that are new.
INSERT INTO store.passing_facet
WITH
    -- DuckDB 1.5 cannot push a join's filter on a UUID down into Arrow.
    batch AS MATERIALIZED (
        SELECT * FROM batch_passing_facet
    )
SELECT batch.*
FROM batch
SEMI JOIN new_event USING (event_id);
