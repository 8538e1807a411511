-- All names of datasets, asked for by their canonical ids.
--
-- A question about some datasets hands their ids down as a list, so that less is read where the rows are. A filter on top of
-- a view would not get there: what counts is worked out over all that was said, and only then thrown away.
CREATE MACRO store.dataset_known_as(dataset_ids) AS TABLE
SELECT
    dataset.dataset_id,
    dataset.canonical_id
FROM store.dataset
SEMI JOIN (SELECT unnest(dataset_ids) AS canonical_id) AS asked USING (canonical_id);
