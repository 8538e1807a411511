-- The names that imports give to datasets.
INSERT INTO store.imported_name BY NAME
SELECT DISTINCT batch.*
FROM batch_imported_name AS batch
ANTI JOIN store.imported_name USING (tool, source, namespace, name);
