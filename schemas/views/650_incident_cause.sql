-- What each failure of a check is put down to. Incidents are made of failures that share a cause, and of nothing else that
-- this view does not say.
--
-- Failures of one dataset and dimension that overlap, or that come back so soon that it is the same incident, are a spell. A
-- spell is put down to a spell of the same dimension (any, when its own is not known) at the same time in the nearest
-- dataset upstream that has one, on current edges; the worst of those, then the earliest. That one is put down to another
-- likewise, and the last in the row is the cause. At the same time means: it began before the failure ended, and ended after
-- the failure began. An upstream check may run later than the check that it explains, but by no more than a day. Datasets
-- that are made from each other in a circle count as one, and the earliest failure in it is the cause.
--
-- This is not root_cause: that weighs all evidence of one symptom and takes a good part of a second for each, while here
-- every failure that ever was is put down to one at each look. An incident is what to ask root_cause about; see
-- 'headwater incidents show'.
CREATE VIEW store.incident_cause AS
WITH RECURSIVE
    rule AS (
        SELECT to_seconds(coalesce(max(incident_rule).reopens_within_seconds, 3600)) AS reopens_within
        FROM (
            SELECT {'set_at': set_at, 'reopens_within_seconds': reopens_within_seconds} AS incident_rule
            FROM store.incident_rule
        )
    ),
    episode AS MATERIALIZED (
        SELECT
            check_episode.*,
            coalesce(check_episode.passed_at, 'infinity'::TIMESTAMPTZ) AS ended_at,
            dataset.canonical_id AS dataset_id
        FROM store.check_episode
        LEFT JOIN store.dataset
            ON
                dataset.namespace = check_episode.namespace
                AND dataset.name = check_episode.name
    ),
    link AS MATERIALIZED (
        SELECT DISTINCT
            edge.upstream_id,
            edge.downstream_id
        FROM store.edge_now AS edge
        WHERE edge.is_current
    ),
    -- From each dataset that ever failed to everything upstream of it, by the shortest way.
    walk(origin_id, dataset_id, depth) USING KEY (origin_id, dataset_id) AS (
        SELECT DISTINCT
            episode.dataset_id,
            episode.dataset_id,
            0
        FROM episode
        WHERE episode.dataset_id IS NOT NULL
        UNION
        SELECT
            walk.origin_id,
            link.upstream_id,
            min(walk.depth) + 1
        FROM walk
        JOIN link ON link.downstream_id = walk.dataset_id
        LEFT JOIN recurring.walk AS seen
            ON
                seen.origin_id = walk.origin_id
                AND seen.dataset_id = link.upstream_id
        WHERE seen.dataset_id IS NULL
        GROUP BY
            walk.origin_id,
            link.upstream_id
    ),
    ancestor AS MATERIALIZED (
        SELECT walk.*
        FROM walk
        SEMI JOIN episode ON episode.dataset_id = walk.dataset_id
        WHERE walk.depth > 0
    ),
    -- A dataset, or a circle of them, known by the least id in it.
    circle AS (
        SELECT
            ancestor.origin_id AS dataset_id,
            min(least(ancestor.origin_id, ancestor.dataset_id)) AS place_id
        FROM ancestor
        JOIN ancestor AS back
            ON
                back.origin_id = ancestor.dataset_id
                AND back.dataset_id = ancestor.origin_id
        GROUP BY ancestor.origin_id
    ),
    placed AS (
        SELECT
            episode.*,
            coalesce(circle.place_id, episode.dataset_id) AS place_id,
            -- Where the dataset or the dimension is not known, one check's failures are no other's.
            hash(
                coalesce(circle.place_id, episode.dataset_id, hash(episode.namespace, episode.name)),
                episode.dimension,
                CASE
                    WHEN episode.name IS NULL OR episode.dimension IS NULL THEN episode.check_name
                END
            ) AS kind_id
        FROM episode
        LEFT JOIN circle ON circle.dataset_id = episode.dataset_id
    ),
    marked AS (
        SELECT
            placed.*,
            placed.first_failed_at - rule.reopens_within > max(placed.ended_at) OVER (
                PARTITION BY placed.kind_id
                ORDER BY placed.first_failed_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS is_new
        FROM placed
        CROSS JOIN rule
    ),
    numbered AS MATERIALIZED (
        SELECT
            * EXCLUDE (is_new),
            count(*) FILTER (marked.is_new) OVER (
                PARTITION BY marked.kind_id
                ORDER BY marked.first_failed_at
            ) AS number
        FROM marked
    ),
    -- A spell's id is its rank as a cause: the worst first, then the earliest.
    spell AS MATERIALIZED (
        SELECT
            *,
            row_number() OVER (
                ORDER BY
                    found.level DESC,
                    found.first_failed_at,
                    found.earliest.namespace,
                    found.earliest.name,
                    found.dimension,
                    found.earliest.check_name
            ) AS spell_id
        FROM (
            SELECT
                numbered.kind_id,
                numbered.number,
                any_value(numbered.place_id) AS place_id,
                any_value(numbered.dimension) AS dimension,
                max(numbered.level) AS level,
                min(numbered.first_failed_at) AS first_failed_at,
                max(numbered.ended_at) AS ended_at,
                min(
                    {
                        'first_failed_at': numbered.first_failed_at,
                        'namespace': numbered.namespace,
                        'name': numbered.name,
                        'check_name': numbered.check_name
                    }
                ) AS earliest
            FROM numbered
            GROUP BY
                numbered.kind_id,
                numbered.number
        ) AS found
    ),
    way AS MATERIALIZED (
        SELECT
            *,
            dense_rank() OVER (PARTITION BY nearest.origin_id ORDER BY nearest.depth) AS step
        FROM (
            SELECT
                coalesce(origin.place_id, ancestor.origin_id) AS origin_id,
                coalesce(upstream.place_id, ancestor.dataset_id) AS place_id,
                min(ancestor.depth) AS depth
            FROM ancestor
            LEFT JOIN circle AS origin ON origin.dataset_id = ancestor.origin_id
            LEFT JOIN circle AS upstream ON upstream.dataset_id = ancestor.dataset_id
            GROUP BY ALL
        ) AS nearest
        WHERE nearest.origin_id != nearest.place_id
    ),
    -- What a spell may explain begins from a day before it to its end. Each is filed under the weeks in between, so that
    -- looking for those of one moment does not mean to look at all that ever were.
    filed AS MATERIALIZED (
        SELECT
            spell.spell_id,
            spell.place_id,
            asked.dimension,
            spell.first_failed_at,
            spell.first_failed_at - INTERVAL 1 DAY AS explains_from,
            spell.ended_at AS explains_until,
            unnest(
                range(
                    epoch_ms(spell.first_failed_at - INTERVAL 1 DAY) // 604_800_000,
                    epoch_ms(least(spell.ended_at, horizon.newest)) // 604_800_000 + 1
                )
            ) AS week
        FROM spell
        -- A failure whose dimension is not known asks for any.
        JOIN (
            SELECT DISTINCT coalesce(spell.dimension, '') AS dimension
            FROM spell
        ) AS asked
            ON asked.dimension IN (spell.dimension, '')
        CROSS JOIN (
            SELECT max(spell.first_failed_at) AS newest
            FROM spell
        ) AS horizon
        WHERE spell.place_id IS NOT NULL
    ),
    -- Upstream step by step, the nearest first, until something explains it.
    search(spell_id, step, cause_id) USING KEY (spell_id) AS (
        SELECT
            spell.spell_id,
            0::BIGINT,
            NULL::BIGINT
        FROM spell
        UNION
        SELECT
            search.spell_id,
            any_value(way.step),
            min(filed.spell_id)
        FROM search
        JOIN spell ON spell.spell_id = search.spell_id
        JOIN way
            ON
                way.origin_id = spell.place_id
                AND way.step = search.step + 1
        LEFT JOIN filed
            ON
                filed.place_id = way.place_id
                AND filed.dimension = coalesce(spell.dimension, '')
                AND filed.week = epoch_ms(spell.first_failed_at) // 604_800_000
                AND spell.first_failed_at BETWEEN filed.explains_from AND filed.explains_until
                AND filed.first_failed_at < spell.ended_at
        WHERE search.cause_id IS NULL
        GROUP BY search.spell_id
    ),
    rooted(spell_id, root_id) AS (
        SELECT
            search.spell_id,
            search.spell_id
        FROM search
        WHERE search.cause_id IS NULL
        UNION
        SELECT
            search.spell_id,
            rooted.root_id
        FROM rooted
        JOIN search ON search.cause_id = rooted.spell_id
    )
SELECT
    numbered.namespace,
    numbered.name,
    numbered.field,
    numbered.check_name,
    numbered.tool,
    numbered.dimension,
    numbered.level,
    numbered.first_failed_at,
    numbered.last_failed_at,
    numbered.passed_at,
    'failed_check' AS kind,
    root.kind_id AS cause_id,
    root.earliest.namespace AS cause_namespace,
    root.earliest.name AS cause_name,
    root.dimension AS cause_dimension
FROM numbered
JOIN spell
    ON
        spell.kind_id = numbered.kind_id
        AND spell.number = numbered.number
JOIN rooted ON rooted.spell_id = spell.spell_id
JOIN spell AS root ON root.spell_id = rooted.root_id;
