-- Gives store.shape_seen one row for each shape again, once most of its rows say nothing any more and it is worth the while.
CREATE OR REPLACE TEMP TABLE seen_too_often AS
SELECT seen.amount
FROM (SELECT count(*) AS amount FROM store.shape_seen) AS seen
CROSS JOIN (SELECT count(*) AS amount FROM store.shape) AS shape
WHERE seen.amount > 2 * shape.amount + 20_000;

-- Only if there is any seen_too_often:
CREATE OR REPLACE TEMP TABLE seen_in_all AS
SELECT
    shape_id,
    min(first_seen_at) AS first_seen_at,
    max(newest) AS newest
FROM store.shape_seen
GROUP BY shape_id;

DELETE FROM store.shape_seen;

INSERT INTO store.shape_seen FROM seen_in_all;

DROP TABLE seen_in_all;
