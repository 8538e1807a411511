-- Datasets that have no id yet. Each is known by its own name until an alias says otherwise.
INSERT INTO store.dataset
SELECT
    batch.id,
    batch.namespace,
    batch.name,
    batch.id
FROM batch_dataset AS batch
ANTI JOIN store.dataset ON dataset.dataset_id = batch.id;
