-- The jobs that new lineage facets put after each other.
INSERT INTO store.job_link
SELECT batch.*
FROM batch_job_link AS batch
ANTI JOIN store.job_link USING (document_id);
