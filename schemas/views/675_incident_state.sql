-- Incidents with all that is known about them: what `incident` shows, and what there is to tell.
--
-- What people did about an incident they did about the failures that it had then. It holds for the incident that any of these
-- belongs to now, whatever that is put down to since; so when something further upstream comes to light, or when two incidents
-- turn out to be one, what was done about a part holds for the whole, and when one falls apart, for both parts. The newest
-- word counts. The one exception: failures that nobody did anything about and that are worse than those that somebody did
-- something about open it again. Being told is about failures likewise.
CREATE VIEW store.incident_state AS
WITH
    member AS MATERIALIZED (
        FROM store.incident_member
    ),
    happened AS (
        SELECT
            member.incident_id,
            any_value(member.cause_namespace) AS namespace,
            any_value(member.cause_name) AS name,
            any_value(member.cause_dimension) AS dimension,
            any_value(member.kind) AS kind,
            -- The field, if what fails at the cause is one.
            CASE
                WHEN count(DISTINCT coalesce(member.field, '')) FILTER (member.is_cause) = 1
                    THEN any_value(member.field) FILTER (member.is_cause)
            END AS field,
            max(member.level) AS level,
            min(member.first_failed_at) AS first_seen_at,
            max(member.last_failed_at) AS last_seen_at,
            CASE WHEN count(*) = count(member.passed_at) THEN max(member.passed_at) END AS passed_at,
            count(*) AS failing_checks,
            count(DISTINCT (member.namespace, member.name)) FILTER (member.name IS NOT NULL) AS affected_datasets,
            list(
                {
                    'namespace': member.namespace,
                    'name': member.name,
                    'field': member.field,
                    'check_name': member.check_name
                }
                ORDER BY member.namespace, member.name, member.field, member.check_name, member.tool
            ) AS checks,
            -- What somebody who acts on it acts on.
            list(
                {
                    'namespace': member.namespace,
                    'name': member.name,
                    'field': member.field,
                    'check_name': member.check_name,
                    'tool': member.tool,
                    'first_failed_at': member.first_failed_at,
                    'last_failed_at': member.last_failed_at
                }
                ORDER BY member.namespace, member.name, member.field, member.check_name, member.tool
            ) AS failures
        FROM (
            SELECT
                *,
                member.namespace IS NOT DISTINCT FROM member.cause_namespace
                AND member.name IS NOT DISTINCT FROM member.cause_name AS is_cause
            FROM member
        ) AS member
        GROUP BY member.incident_id
    ),
    owned AS (
        SELECT
            member.incident_id,
            list_sort(list_distinct(flatten(list(dataset.owners)))) AS owners
        FROM (SELECT DISTINCT incident_id, namespace, name FROM member) AS member
        JOIN main.dataset
            ON
                dataset.namespace = member.namespace
                AND dataset.name = member.name
        WHERE dataset.owners IS NOT NULL
        GROUP BY member.incident_id
    ),
    word AS MATERIALIZED (
        SELECT
            member.incident_id,
            member.namespace,
            member.name,
            member.field,
            member.check_name,
            member.tool,
            member.level,
            incident_word.incident_id AS said_id,
            incident_word.said_at,
            incident_word.action,
            incident_word.actor,
            incident_word.note
        FROM store.incident_word
        JOIN member
            ON
                member.namespace IS NOT DISTINCT FROM incident_word.namespace
                AND member.name IS NOT DISTINCT FROM incident_word.name
                AND member.field IS NOT DISTINCT FROM incident_word.field
                AND member.check_name = incident_word.check_name
                AND member.tool IS NOT DISTINCT FROM incident_word.tool
        WHERE
            member.first_failed_at <= incident_word.last_failed_at
            AND member.last_failed_at >= incident_word.first_failed_at
        UNION ALL
        -- Who acted by an id alone meant all that the incident has.
        SELECT
            member.incident_id,
            member.namespace,
            member.name,
            member.field,
            member.check_name,
            member.tool,
            member.level,
            said.incident_id,
            said.said_at,
            said.action,
            said.actor,
            said.note
        FROM (
            SELECT
                incident_action.incident_id,
                incident_action.acted_at AS said_at,
                incident_action.action,
                incident_action.actor,
                incident_action.note
            FROM store.incident_action
            WHERE coalesce(len(incident_action.failures), 0) = 0
            UNION ALL BY NAME
            SELECT
                incident_notice.incident_id,
                incident_notice.sent_at AS said_at
            FROM store.incident_notice
            WHERE coalesce(len(incident_notice.failures), 0) = 0
        ) AS said
        JOIN member ON member.incident_id = said.incident_id
    ),
    acted AS (
        SELECT
            word.incident_id,
            max(
                {
                    'acted_at': word.said_at,
                    'action': word.action,
                    'actor': word.actor,
                    'note': word.note
                }
            ) FILTER (word.action IS NOT NULL) AS newest,
            max(word.level) FILTER (word.action IS NOT NULL) AS level,
            max(word.said_at) FILTER (word.action IS NULL) AS told_at,
            list_sort(list(DISTINCT word.said_id) FILTER (word.said_id != word.incident_id)) AS former_ids
        FROM word
        GROUP BY word.incident_id
    ),
    unattended AS (
        SELECT
            member.incident_id,
            max(member.level) AS level
        FROM member
        ANTI JOIN word
            ON
                word.action IS NOT NULL
                AND word.incident_id = member.incident_id
                AND word.namespace IS NOT DISTINCT FROM member.namespace
                AND word.name IS NOT DISTINCT FROM member.name
                AND word.field IS NOT DISTINCT FROM member.field
                AND word.check_name = member.check_name
                AND word.tool IS NOT DISTINCT FROM member.tool
        SEMI JOIN acted ON acted.incident_id = member.incident_id
        GROUP BY member.incident_id
    ),
    judged AS (
        SELECT
            happened.*,
            coalesce(owned.owners, []) AS owners,
            acted.newest AS newest,
            acted.told_at,
            coalesce(acted.former_ids, []) AS former_ids,
            CASE
                WHEN happened.passed_at IS NOT NULL THEN 'resolved'
                -- What somebody resolved is open again once a check fails after that.
                WHEN acted.newest.action = 'resolved' AND happened.last_seen_at > acted.newest.acted_at THEN 'open'
                WHEN unattended.level > acted.level THEN 'open'
                ELSE coalesce(acted.newest.action, 'open')
            END AS status
        FROM happened
        LEFT JOIN owned USING (incident_id)
        LEFT JOIN acted USING (incident_id)
        LEFT JOIN unattended USING (incident_id)
    )
SELECT
    judged.incident_id,
    judged.status,
    judged.namespace,
    judged.name,
    judged.field,
    judged.kind,
    ['warning', 'error', 'fatal'][judged.level] AS severity,
    judged.first_seen_at,
    judged.last_seen_at,
    CASE WHEN judged.status = 'resolved' THEN coalesce(judged.passed_at, judged.newest.acted_at) END AS resolved_at,
    judged.failing_checks,
    judged.affected_datasets,
    judged.dimension,
    judged.owners,
    judged.newest.actor AS actor,
    judged.newest.note AS note,
    judged.checks,
    judged.former_ids,
    judged.failures,
    judged.newest.acted_at AS acted_at,
    judged.told_at
FROM judged;
