-- The checks that failed for each incident, each once however often it failed in it, with what the incident is put down to.
CREATE VIEW store.incident_member AS
SELECT
    incident_episode.incident_id,
    incident_episode.namespace,
    incident_episode.name,
    incident_episode.field,
    incident_episode.check_name,
    incident_episode.tool,
    max(incident_episode.dimension) AS dimension,
    max(incident_episode.level) AS level,
    min(incident_episode.first_failed_at) AS first_failed_at,
    max(incident_episode.last_failed_at) AS last_failed_at,
    CASE WHEN count(*) = count(incident_episode.passed_at) THEN max(incident_episode.passed_at) END AS passed_at,
    any_value(incident_episode.kind) AS kind,
    any_value(incident_episode.cause_namespace) AS cause_namespace,
    any_value(incident_episode.cause_name) AS cause_name,
    any_value(incident_episode.cause_dimension) AS cause_dimension
FROM store.incident_episode
GROUP BY
    incident_episode.incident_id,
    incident_episode.namespace,
    incident_episode.name,
    incident_episode.field,
    incident_episode.check_name,
    incident_episode.tool;
