-- What new lineage facets say outright.
INSERT INTO store.explicit_lineage
SELECT batch.*
FROM batch_explicit_lineage AS batch
ANTI JOIN store.explicit_lineage USING (document_id);
