-- Writes the "most" rows that lie first in the file anew at its end, in the order in which they came: neighbours look alike,
-- and are packed together.
SET VARIABLE last_row = (
    SELECT max(first.place)
    FROM (
        SELECT rowid AS place
        FROM store.document
        ORDER BY rowid
        LIMIT getvariable('most')
    ) AS first
);

CREATE OR REPLACE TEMP TABLE moved AS
SELECT *
FROM store.document
WHERE rowid <= getvariable('last_row');

DELETE FROM store.document
WHERE rowid <= getvariable('last_row');

INSERT INTO store.document
FROM moved;
