-- What was said in passing of the datasets asked for (canonical ids), and what runs said of themselves: that may turn out to be
-- about one of them. The dataset_id is that of the canonical name.
CREATE MACRO store.dataset_facet_of(dataset_ids) AS TABLE
SELECT passing_facet.* REPLACE (known.canonical_id AS dataset_id)
FROM store.passing_facet
JOIN store.dataset_known_as(dataset_ids) AS known USING (dataset_id)
UNION ALL
SELECT passing_facet.*
FROM store.passing_facet
WHERE passing_facet.entity = 'run';
