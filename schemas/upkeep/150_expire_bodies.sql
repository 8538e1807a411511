-- Takes the bodies of the oldest events before a moment, "most" of them at a time. The facts that they brought stay.
SET VARIABLE expired_to = (
    SELECT max(oldest.event_time)
    FROM (
        SELECT event_time
        FROM store.event
        WHERE skeleton IS NOT NULL AND event_time < getvariable('before')::TIMESTAMPTZ
        ORDER BY event_time
        LIMIT getvariable('most')
    ) AS oldest
);

CREATE OR REPLACE TEMP TABLE expired_body AS
SELECT
    event_id,
    event_time
FROM store.event
WHERE skeleton IS NOT NULL AND event_time <= getvariable('expired_to')::TIMESTAMPTZ;

UPDATE store.event
SET skeleton = NULL
WHERE skeleton IS NOT NULL AND event_time <= getvariable('expired_to')::TIMESTAMPTZ;
