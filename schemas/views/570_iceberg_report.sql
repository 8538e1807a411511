-- What Iceberg reports of its scans and commits.
CREATE VIEW iceberg_report AS
SELECT
    facet.run_id,
    CASE facet.entity WHEN 'input' THEN 'scan' ELSE 'commit' END AS kind,
    facet.namespace,
    facet.name,
    try_cast(facet.body ->> '$.snapshotId' AS BIGINT) AS snapshot_id,
    try_cast(facet.body ->> '$.sequenceNumber' AS BIGINT) AS sequence_number,
    facet.body ->> '$.operation' AS operation,
    try_cast(facet.body ->> '$.schemaId' AS BIGINT) AS schema_id,
    facet.body ->> '$.filterDescription' AS filter,
    from_json(facet.body -> '$.projectedFieldNames', '["VARCHAR"]') AS projected_fields,
    from_json(
        coalesce(facet.body -> '$.scanMetrics', facet.body -> '$.commitMetrics'),
        '"MAP(VARCHAR, BIGINT)"'
    ) AS metrics,
    facet.body -> '$.metadata' AS metadata
FROM facet
WHERE
    (facet.entity = 'input' AND facet.key IN ('icebergScanReport', 'iceberg_scan_report'))
    OR (facet.entity = 'output' AND facet.key IN ('icebergCommitReport', 'iceberg_commit_report'));

COMMENT ON VIEW iceberg_report IS 'What Iceberg reports of its scans and commits.';
COMMENT ON COLUMN iceberg_report.run_id IS 'The run.';
COMMENT ON COLUMN iceberg_report.kind IS 'scan or commit.';
COMMENT ON COLUMN iceberg_report.namespace IS 'Namespace of the dataset.';
COMMENT ON COLUMN iceberg_report.name IS 'Name of the dataset.';
COMMENT ON COLUMN iceberg_report.snapshot_id IS 'The snapshot that was read or written, with all of its 64 bits.';
COMMENT ON COLUMN iceberg_report.sequence_number IS 'Number of the commit.';
COMMENT ON COLUMN iceberg_report.operation IS 'What the commit did: append, overwrite, replace or delete.';
COMMENT ON COLUMN iceberg_report.schema_id IS 'The schema that was read.';
COMMENT ON COLUMN iceberg_report.filter IS 'The condition of the scan.';
COMMENT ON COLUMN iceberg_report.projected_fields IS 'The fields that were read.';
COMMENT ON COLUMN iceberg_report.metrics IS
    'Counts, sizes in bytes and durations in milliseconds, by the names that Iceberg gives them.';
COMMENT ON COLUMN iceberg_report.metadata IS 'What else it says, such as the version of Iceberg.';
