-- Datasets that got another name, and whether what was known under the old one is still all that is under the new one: a
-- name that is written again is that of another dataset.
CREATE VIEW store.renaming AS
WITH
    change AS MATERIALIZED (
        FROM store.lifecycle_change
    ),
    renamed AS MATERIALIZED (
        SELECT
            old.canonical_id AS old_id,
            change.dataset_id AS new_id,
            change.job_id,
            change.run_key,
            change.event_time
        FROM change
        JOIN store.dataset AS old
            ON
                old.namespace = change.previous_namespace
                AND old.name = change.previous_name
        WHERE change.change = 'RENAME'
    ),
    -- Looked up by themselves: a join with all runs would read them all.
    run AS (
        SELECT
            run.run_key,
            run.run_id
        FROM store.run
        SEMI JOIN renamed USING (run_key)
    ),
    written_again AS (
        SELECT
            renamed.old_id,
            renamed.event_time,
            min(write.written_at) AS written_at
        FROM renamed
        JOIN store.write_of((SELECT list(DISTINCT old_id) FROM renamed), 'change') AS write
            ON
                write.dataset_id = renamed.old_id
                AND write.written_at > renamed.event_time
        GROUP BY
            renamed.old_id,
            renamed.event_time
    )
SELECT
    renamed.old_id,
    renamed.new_id,
    renamed.job_id,
    run.run_id,
    renamed.event_time AS renamed_at,
    written_again.written_at AS written_again_at
FROM renamed
LEFT JOIN written_again USING (old_id, event_time)
LEFT JOIN run USING (run_key);
