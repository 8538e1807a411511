-- The code of jobs: queries and programs.
CREATE VIEW source_code AS
SELECT
    facet.namespace,
    facet.name,
    CASE facet.key WHEN 'sql' THEN 'sql' ELSE 'source_code' END AS kind,
    coalesce(facet.body ->> '$.language', facet.body ->> '$.dialect') AS language,
    coalesce(facet.body ->> '$.sourceCode', facet.body ->> '$.query') AS code,
    facet.event_time AS last_seen_at
FROM facet
WHERE facet.entity = 'job' AND facet.key IN ('sql', 'sourceCode');

COMMENT ON VIEW source_code IS 'The code of jobs: queries and programs, as their newest events have it.';
COMMENT ON COLUMN source_code.namespace IS 'Namespace of the job.';
COMMENT ON COLUMN source_code.name IS 'Name of the job.';
COMMENT ON COLUMN source_code.kind IS 'sql: a query; source_code: a program.';
COMMENT ON COLUMN source_code.language IS 'The language of a program, the dialect of a query; NULL when not said.';
COMMENT ON COLUMN source_code.code IS 'The code.';
COMMENT ON COLUMN source_code.last_seen_at IS 'Time of the newest event that carries it.';
