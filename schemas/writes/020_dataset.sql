-- Datasets that have no id yet.
INSERT INTO store.dataset
SELECT
    batch.id,
    batch.namespace,
    batch.name
FROM batch_dataset AS batch
ANTI JOIN store.dataset ON dataset.dataset_id = batch.id;
