-- The numbers inside new dataQualityMetrics facets.
INSERT INTO store.metric
SELECT batch.*
FROM batch_metric AS batch
ANTI JOIN store.metric USING (document_id);
