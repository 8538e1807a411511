-- The checks that failed for each incident.
CREATE VIEW incident_check AS
SELECT
    incident_member.incident_id,
    incident_member.namespace,
    incident_member.name,
    incident_member.field,
    incident_member.check_name,
    incident_member.tool,
    incident_member.dimension,
    ['warning', 'error', 'fatal'][incident_member.level] AS severity,
    incident_member.first_failed_at,
    incident_member.last_failed_at,
    incident_member.passed_at
FROM store.incident_member;

COMMENT ON VIEW incident_check IS 'The checks that failed for each incident.';
COMMENT ON COLUMN incident_check.incident_id IS 'The incident.';
COMMENT ON COLUMN incident_check.namespace IS 'Namespace of the dataset that was checked; NULL: the result names none.';
COMMENT ON COLUMN incident_check.name IS 'Name of the dataset that was checked; NULL: the result names none.';
COMMENT ON COLUMN incident_check.field IS 'The field that was checked; NULL: the dataset as a whole.';
COMMENT ON COLUMN incident_check.check_name IS 'The check, as its tool names it.';
COMMENT ON COLUMN incident_check.tool IS 'Who ran it.';
COMMENT ON COLUMN incident_check.dimension IS 'Data quality dimension; NULL when the kind of check is not known.';
COMMENT ON COLUMN incident_check.severity IS 'The worst that it found: warning, error or fatal.';
COMMENT ON COLUMN incident_check.first_failed_at IS 'When it failed first.';
COMMENT ON COLUMN incident_check.last_failed_at IS 'When it failed last.';
COMMENT ON COLUMN incident_check.passed_at IS 'When it passed again; NULL: it still fails.';
