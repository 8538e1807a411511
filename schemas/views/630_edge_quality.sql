-- Current edges with the data quality at both ends, and with the worst of everything upstream.
CREATE VIEW edge_quality AS
WITH RECURSIVE
    link AS MATERIALIZED (
        SELECT DISTINCT
            edge.upstream_namespace,
            edge.upstream_name,
            edge.downstream_namespace,
            edge.downstream_name
        FROM main.edge
        WHERE edge.is_current
    ),
    status AS MATERIALIZED (
        SELECT
            quality_status.namespace,
            quality_status.name,
            quality_status.dimension,
            quality_status.current_severity,
            list_position(['valid', 'warning', 'error', 'fatal'], quality_status.current_severity) AS level
        FROM main.quality_status
        WHERE quality_status.field IS NULL
    ),
    -- Severities flow downstream. A dataset is visited again only when something worse arrives, so three times at most, and
    -- cycles end by themselves.
    combined(namespace, name, dimension, level) USING KEY (namespace, name, dimension) AS (
        SELECT
            status.namespace,
            status.name,
            -- A key is never NULL.
            coalesce(status.dimension, ''),
            status.level
        FROM status
        WHERE status.level IS NOT NULL
        UNION
        SELECT
            link.downstream_namespace,
            link.downstream_name,
            combined.dimension,
            max(combined.level)
        FROM combined
        JOIN link
            ON
                link.upstream_namespace = combined.namespace
                AND link.upstream_name = combined.name
        LEFT JOIN recurring.combined AS known
            ON
                known.namespace = link.downstream_namespace
                AND known.name = link.downstream_name
                AND known.dimension = combined.dimension
        WHERE combined.level > coalesce(known.level, 0)
        GROUP BY
            link.downstream_namespace,
            link.downstream_name,
            combined.dimension
    ),
    dimension AS (
        SELECT
            link.*,
            combined.dimension
        FROM link
        JOIN combined
            ON
                combined.namespace = link.upstream_namespace
                AND combined.name = link.upstream_name
        UNION
        SELECT
            link.*,
            coalesce(status.dimension, '')
        FROM link
        JOIN status
            ON
                status.namespace = link.downstream_namespace
                AND status.name = link.downstream_name
        UNION
        SELECT
            link.*,
            ''
        FROM link
    )
SELECT
    dimension.upstream_namespace,
    dimension.upstream_name,
    dimension.downstream_namespace,
    dimension.downstream_name,
    nullif(dimension.dimension, '') AS dimension,
    upstream.current_severity AS upstream_severity,
    downstream.current_severity AS downstream_severity,
    ['valid', 'warning', 'error', 'fatal'][combined.level] AS upstream_combined_severity
FROM dimension
LEFT JOIN status AS upstream
    ON
        upstream.namespace = dimension.upstream_namespace
        AND upstream.name = dimension.upstream_name
        AND coalesce(upstream.dimension, '') = dimension.dimension
LEFT JOIN status AS downstream
    ON
        downstream.namespace = dimension.downstream_namespace
        AND downstream.name = dimension.downstream_name
        AND coalesce(downstream.dimension, '') = dimension.dimension
LEFT JOIN combined
    ON
        combined.namespace = dimension.upstream_namespace
        AND combined.name = dimension.upstream_name
        AND combined.dimension = dimension.dimension;

COMMENT ON VIEW edge_quality IS
    'Each current edge with the data quality at both ends, and upstream of it: one row for all dimensions and one for each that either end has.';
COMMENT ON COLUMN edge_quality.upstream_namespace IS 'Namespace of the dataset that is read.';
COMMENT ON COLUMN edge_quality.upstream_name IS 'Name of the dataset that is read.';
COMMENT ON COLUMN edge_quality.downstream_namespace IS 'Namespace of the dataset that is made.';
COMMENT ON COLUMN edge_quality.downstream_name IS 'Name of the dataset that is made.';
COMMENT ON COLUMN edge_quality.dimension IS 'The dimension; NULL: all of them.';
COMMENT ON COLUMN edge_quality.upstream_severity IS 'Current severity of the dataset that is read.';
COMMENT ON COLUMN edge_quality.downstream_severity IS 'Current severity of the dataset that is made.';
COMMENT ON COLUMN edge_quality.upstream_combined_severity IS
    'The worst current severity of the dataset that is read and of everything upstream of it; NULL: nothing there is known.';
