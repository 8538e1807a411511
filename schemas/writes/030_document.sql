-- Facets whose content is new.
INSERT INTO store.document
SELECT batch.*
FROM batch_document AS batch
ANTI JOIN store.document USING (document_id);
