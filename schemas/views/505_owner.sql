-- Who answers for jobs and datasets.
CREATE VIEW owner AS
SELECT
    said.entity,
    said.namespace,
    said.name,
    said.owner.name AS owner,
    said.owner."type" AS type
FROM (
    SELECT
        facet.entity,
        facet.namespace,
        facet.name,
        unnest(from_json(facet.body -> '$.owners', '[{"name": "VARCHAR", "type": "VARCHAR"}]')) AS owner
    FROM facet
    WHERE facet.key = 'ownership' AND facet.entity IN ('job', 'dataset')
) AS said
WHERE said.owner.name IS NOT NULL;

COMMENT ON VIEW owner IS 'Who answers for jobs and datasets.';
COMMENT ON COLUMN owner.entity IS 'What is owned: job or dataset.';
COMMENT ON COLUMN owner.namespace IS 'Namespace of the job or dataset.';
COMMENT ON COLUMN owner.name IS 'Name of the job or dataset.';
COMMENT ON COLUMN owner.owner IS 'Who owns it, such as team:data.';
COMMENT ON COLUMN owner.type IS 'In which role, such as MAINTAINER.';
