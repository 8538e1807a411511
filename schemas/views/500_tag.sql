-- What jobs, runs and datasets are marked with.
CREATE VIEW tag AS
SELECT
    said.entity,
    said.namespace,
    said.name,
    said.run_id,
    said.tag.field AS field,
    said.tag.key AS key,
    said.tag.value AS value,
    said.tag.source AS source
FROM (
    SELECT
        facet.entity,
        facet.namespace,
        facet.name,
        facet.run_id,
        unnest(
            from_json(
                facet.body -> '$.tags',
                '[{"key": "VARCHAR", "value": "VARCHAR", "source": "VARCHAR", "field": "VARCHAR"}]'
            )
        ) AS tag
    FROM facet
    WHERE facet.key = 'tags'
) AS said
WHERE said.tag.key IS NOT NULL;

COMMENT ON VIEW tag IS 'What jobs, runs and datasets are marked with.';
COMMENT ON COLUMN tag.entity IS 'What is marked: job, run or dataset.';
COMMENT ON COLUMN tag.namespace IS 'Namespace of the job or dataset; of the run''s job for a run.';
COMMENT ON COLUMN tag.name IS 'Name of the job or dataset; of the run''s job for a run.';
COMMENT ON COLUMN tag.run_id IS 'The run, for a run.';
COMMENT ON COLUMN tag.field IS 'The field of the dataset that the tag is about; NULL: the dataset as a whole, or no dataset.';
COMMENT ON COLUMN tag.key IS 'What the tag is called.';
COMMENT ON COLUMN tag.value IS 'Its value.';
COMMENT ON COLUMN tag.source IS 'Who set it, such as USER, DBT_CORE or INTEGRATION.';
