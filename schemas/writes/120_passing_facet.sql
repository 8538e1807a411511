-- Facets of single runs and moments, of the events that are new.
INSERT INTO store.passing_facet
SELECT batch.*
FROM batch_passing_facet AS batch
SEMI JOIN new_event USING (event_id);
