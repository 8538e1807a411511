-- Failures that share a cause, and what people did about them.
CREATE VIEW incident AS
SELECT * EXCLUDE (failures, acted_at, told_at)
FROM store.incident_state;

COMMENT ON VIEW incident IS
    'Failures of checks that share a cause, and what people did about them. incident_check has the checks.';
COMMENT ON COLUMN incident.incident_id IS 'Hash of its earliest failure.';
COMMENT ON COLUMN incident.status IS
    'open, acknowledged, muted or resolved: no check of it fails any more, or somebody said so and none failed since. What people said holds while its cause changes, until something worse fails.';
COMMENT ON COLUMN incident.namespace IS 'Namespace of the dataset that is the cause.';
COMMENT ON COLUMN incident.name IS
    'The dataset that is the cause: of those that fail, the one furthest upstream, which root_cause may put down to one that nobody checks; NULL: a result that names no dataset.';
COMMENT ON COLUMN incident.field IS 'The field that fails there, if it is one.';
COMMENT ON COLUMN incident.kind IS 'The kind of cause: failed_check.';
COMMENT ON COLUMN incident.severity IS 'The worst that a check found: warning, error or fatal.';
COMMENT ON COLUMN incident.first_seen_at IS 'When a check of it failed first.';
COMMENT ON COLUMN incident.last_seen_at IS 'When a check of it failed last.';
COMMENT ON COLUMN incident.resolved_at IS 'When its last check passed again, or when somebody resolved it; else NULL.';
COMMENT ON COLUMN incident.failing_checks IS 'How many checks failed for it.';
COMMENT ON COLUMN incident.affected_datasets IS 'In how many datasets.';
COMMENT ON COLUMN incident.dimension IS 'The data quality dimension of the cause; NULL when the kind of check is not known.';
COMMENT ON COLUMN incident.owners IS 'Who answers for those datasets.';
COMMENT ON COLUMN incident.actor IS 'Who acknowledged, resolved or muted it last.';
COMMENT ON COLUMN incident.note IS 'What they said about it.';
COMMENT ON COLUMN incident.checks IS 'The checks that failed for it: namespace, name, field and check_name of each.';
COMMENT ON COLUMN incident.former_ids IS
    'The ids that it, or what it grew out of, had when somebody acted on it or was told about it.';
