-- The JSON of each event.
CREATE VIEW store.event_body AS
SELECT
    event_id,
    body::JSON AS body
FROM store.kept_event(0, 9223372036854775807);
