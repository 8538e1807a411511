-- The names inside new symlinks facets.
INSERT INTO store.symlink
SELECT batch.*
FROM batch_symlink AS batch
ANTI JOIN store.symlink USING (document_id);
