-- The edges as they stood at a moment, by id; NULL means now. The runs, lineages and edges of lineages of that moment are named
-- tables like store.job_run, store.lineage and store.lineage_edge; so is store.renaming.
CREATE MACRO store.edge_of(runs, lineages, edges, renamings, ts) AS TABLE
WITH
    made AS (
        SELECT
            made_from.upstream_id,
            made_from.downstream_id,
            made_from.job_id,
            made_from.evidence,
            used.first_seen_at,
            used.last_seen_at,
            used.is_current,
            used.last_run_id
        FROM store.made_from_of(edges) AS made_from
        JOIN store.lineage_use_of(runs, lineages, edges, ts) AS used
            ON
                used.lineage_id = made_from.lineage_id
                AND used.job_id IS NOT DISTINCT FROM made_from.job_id
        UNION ALL
        -- What a dataset was made from under its old name it is made from under the new one.
        SELECT
            renaming.old_id,
            renaming.new_id,
            renaming.job_id,
            'explicit',
            renaming.renamed_at,
            renaming.renamed_at,
            coalesce(renaming.written_again_at > ts, renaming.written_again_at IS NULL),
            renaming.run_id
        FROM query_table(renamings) AS renaming
        WHERE ts IS NULL OR renaming.renamed_at <= ts
    )
SELECT
    made.upstream_id,
    made.downstream_id,
    made.job_id,
    max((made.is_current, made.last_seen_at, made.evidence != 'inputs_outputs', made.evidence))[4] AS evidence,
    min(made.first_seen_at) AS first_seen_at,
    max(made.last_seen_at) AS last_seen_at,
    bool_or(made.is_current) AS is_current,
    max({'event_time': made.last_seen_at, 'run_id': made.last_run_id}) FILTER (made.last_run_id IS NOT NULL).run_id
        AS last_run_id
FROM made
GROUP BY
    made.upstream_id,
    made.downstream_id,
    made.job_id;
