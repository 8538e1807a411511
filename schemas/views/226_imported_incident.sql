-- The incidents that DQOps keeps itself, about the datasets that its names mean.
CREATE VIEW imported_incident AS
SELECT
    incident.incident_id,
    incident.status,
    dataset.namespace,
    coalesce(dataset.name, incident.name) AS name,
    incident.dimension,
    incident.severity,
    incident.first_seen_at,
    incident.last_seen_at,
    incident.failed_checks,
    incident.issue_url,
    incident.tool,
    incident.details::JSON AS details
FROM store.imported_incident AS incident
LEFT JOIN store.imported_dataset AS dataset
    ON
        dataset.said_name = incident.name
        AND dataset.tool = incident.tool
        AND dataset.source = coalesce(incident.source, '')
        AND dataset.said_namespace = ''
ANTI JOIN store.replaced_row USING (row_id);

COMMENT ON VIEW imported_incident IS 'The incidents that DQOps keeps itself, as they stand in its folder.';
COMMENT ON COLUMN imported_incident.incident_id IS 'The id that DQOps gives it.';
COMMENT ON COLUMN imported_incident.status IS 'open, acknowledged, resolved or muted.';
COMMENT ON COLUMN imported_incident.namespace IS
    'Namespace of the dataset; NULL when the name that the tool gives means no known dataset.';
COMMENT ON COLUMN imported_incident.name IS 'Name of the dataset.';
COMMENT ON COLUMN imported_incident.dimension IS 'Data quality dimension, if incidents are kept apart by dimension.';
COMMENT ON COLUMN imported_incident.severity IS 'The highest severity in it: warning, error or fatal.';
COMMENT ON COLUMN imported_incident.first_seen_at IS 'Its first failed check.';
COMMENT ON COLUMN imported_incident.last_seen_at IS 'Its newest failed check.';
COMMENT ON COLUMN imported_incident.failed_checks IS 'How many checks failed in it.';
COMMENT ON COLUMN imported_incident.issue_url IS 'Where people talk about it.';
COMMENT ON COLUMN imported_incident.tool IS 'Who keeps it: dqops.';
COMMENT ON COLUMN imported_incident.details IS 'The connection, the checks it groups, and the data group.';
