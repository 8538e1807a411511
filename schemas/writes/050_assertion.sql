-- The outcomes inside new dataQualityAssertions facets.
INSERT INTO store.assertion
SELECT batch.*
FROM batch_assertion AS batch
ANTI JOIN store.assertion USING (document_id);
