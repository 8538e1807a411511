-- What the datasets asked for (canonical ids) may be made from though no run's lineage says so: what a job's SQL names, what has
-- the fields that column lineage leaves unexplained, and what was declared by a moment without a run to date it.
CREATE MACRO store.hint_into(dataset_ids, moment) AS TABLE
WITH
    maker AS MATERIALIZED (
        SELECT DISTINCT
            shape.job_id,
            known.canonical_id AS dataset_id
        FROM store.dataset_known_as(dataset_ids) AS known
        JOIN store.shape_dataset USING (dataset_id)
        JOIN store.shape USING (shape_id)
        WHERE shape_dataset.direction = 'output' AND shape.job_type IS DISTINCT FROM 'TEST'
    ),
    -- What a job's SQL names and its lineage does not: absence of an edge is not independence.
    -- By job first: compared with the moment first, it would be the SQL of the whole store.
    sql_facet AS MATERIALIZED (
        SELECT
            passing_facet.document_id,
            passing_facet.job_id,
            min(passing_facet.event_time) AS first_said_at
        FROM store.passing_facet
        SEMI JOIN maker ON maker.job_id = passing_facet.job_id
        WHERE
            passing_facet.key = 'sql'
            AND passing_facet.entity = 'job'
        GROUP BY
            passing_facet.document_id,
            passing_facet.job_id
    ),
    sql_text AS MATERIALIZED (
        SELECT
            sql_facet.document_id,
            sql_facet.job_id
        FROM sql_facet
        WHERE sql_facet.first_said_at <= moment
    ),
    sql_word AS MATERIALIZED (
        SELECT DISTINCT
            sql_text.job_id,
            unnest(regexp_extract_all(lower(document.body ->> '$.query'), '[a-z_][a-z0-9_$.]*')) AS word
        FROM sql_text
        JOIN store.document USING (document_id)
    ),
    own_output AS (
        SELECT DISTINCT
            shape.job_id,
            dataset.canonical_id AS dataset_id
        FROM store.shape
        SEMI JOIN maker ON maker.job_id = shape.job_id
        JOIN store.shape_dataset USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        WHERE shape_dataset.direction = 'output'
    ),
    said_link AS MATERIALIZED (
        SELECT made_from.*
        FROM store.made_from_into(dataset_ids) AS made_from
    ),
    said_column AS (
        SELECT lineage_column.*
        FROM store.lineage_column
        SEMI JOIN said_link ON said_link.lineage_id = lineage_column.lineage_id
    ),
    said_explicit AS (
        SELECT lineage_explicit.*
        FROM store.lineage_explicit
        SEMI JOIN said_link ON said_link.lineage_id = lineage_explicit.lineage_id
    ),
    explained AS MATERIALIZED (
        SELECT DISTINCT
            made_from.downstream_id AS dataset_id,
            made_from.downstream_field AS field
        FROM store.column_made_from_of('said_column', 'said_explicit') AS made_from
        WHERE made_from.upstream_field IS NOT NULL AND made_from.downstream_id IN (SELECT unnest(dataset_ids))
    ),
    -- Fields of an output that its column lineage leaves unexplained, and the datasets that have most of them.
    unexplained AS MATERIALIZED (
        SELECT DISTINCT
            known.canonical_id AS dataset_id,
            schema_field.field
        FROM store.dataset_known_as((SELECT list(DISTINCT explained.dataset_id) FROM explained)) AS known
        JOIN store.shape_facet ON shape_facet.dataset_id = known.dataset_id AND shape_facet.key = 'schema'
        JOIN store.schema_field ON schema_field.document_id = shape_facet.document_id
        ANTI JOIN explained
            ON
                explained.dataset_id = known.canonical_id
                AND explained.field = schema_field.field
    ),
    guess AS MATERIALIZED (
        SELECT
            unexplained.dataset_id AS downstream_id,
            field_known.dataset_id AS upstream_id
        FROM unexplained
        JOIN (
            SELECT DISTINCT
                dataset.canonical_id AS dataset_id,
                schema_field.field
            FROM store.schema_field
            SEMI JOIN unexplained ON unexplained.field = schema_field.field
            JOIN store.shape_facet ON shape_facet.document_id = schema_field.document_id AND shape_facet.key = 'schema'
            JOIN store.dataset ON dataset.dataset_id = shape_facet.dataset_id
        ) AS field_known ON field_known.field = unexplained.field
        WHERE field_known.dataset_id != unexplained.dataset_id
        GROUP BY
            unexplained.dataset_id,
            field_known.dataset_id
        QUALIFY dense_rank() OVER (PARTITION BY unexplained.dataset_id ORDER BY count(*) DESC) = 1
    )
SELECT
    guess.upstream_id,
    guess.downstream_id
FROM guess
UNION
SELECT DISTINCT
    dataset.canonical_id AS upstream_id,
    maker.dataset_id AS downstream_id
FROM sql_word
JOIN store.dataset ON lower(dataset.name) = sql_word.word
JOIN maker ON maker.job_id = sql_word.job_id
ANTI JOIN said_link
    ON
        said_link.job_id = sql_word.job_id
        AND said_link.upstream_id = dataset.canonical_id
ANTI JOIN own_output
    ON
        own_output.job_id = sql_word.job_id
        AND own_output.dataset_id = dataset.canonical_id
UNION
-- What datasets and jobs declare, without a run to date it.
SELECT
    said_link.upstream_id,
    said_link.downstream_id
FROM said_link
JOIN store.declaration USING (lineage_id)
WHERE declaration.run_key IS NULL AND declaration.event_time <= moment;
