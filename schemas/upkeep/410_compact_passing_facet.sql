-- Writes the "most" rows that lie first in the file anew at its end, in the order of time. Holes close up, and minima and
-- maxima lie close together, which lets a query leave out most of the table.
SET VARIABLE last_row = (
    SELECT max(first.place)
    FROM (
        SELECT rowid AS place
        FROM store.passing_facet
        ORDER BY rowid
        LIMIT getvariable('most')
    ) AS first
);

CREATE OR REPLACE TEMP TABLE moved AS
SELECT *
FROM store.passing_facet
WHERE rowid <= getvariable('last_row');

DELETE FROM store.passing_facet
WHERE rowid <= getvariable('last_row');

INSERT INTO store.passing_facet
FROM moved
ORDER BY
    event_time,
    event_id;
