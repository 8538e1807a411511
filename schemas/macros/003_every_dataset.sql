-- The canonical ids of all datasets.
CREATE MACRO store.every_dataset() AS (
    SELECT list(DISTINCT dataset.canonical_id) FROM store.dataset
);
