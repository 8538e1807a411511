-- Why a known facet could not be read.
INSERT INTO store.facet_problem
SELECT batch.*
FROM batch_facet_problem AS batch
ANTI JOIN store.facet_problem USING (document_id, entity, key);
