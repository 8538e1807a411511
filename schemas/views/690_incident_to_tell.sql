-- Open incidents that nobody was told about, or not since somebody saw to them and they opened again.
CREATE VIEW store.incident_to_tell AS
SELECT
    * EXCLUDE (acted_at, told_at),
    incident_state.acted_at AS reopened_after
FROM store.incident_state
WHERE
    incident_state.status = 'open'
    AND (incident_state.told_at IS NULL OR incident_state.told_at < incident_state.acted_at);
