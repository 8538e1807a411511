-- The easiest way from what is wrong to each node: it costs the logarithm of its strengths, and more where what lies on it looks
-- sound. The parameters are the names of tables.
CREATE MACRO store.easiest_path(starts, links, odds) AS TABLE
WITH RECURSIVE
    -- The easiest way from the symptom to each node.
    cost(dataset_id, field, cost, depth, path) USING KEY (dataset_id, field) AS (
        SELECT
            start.dataset_id,
            start.field,
            0::DOUBLE,
            0,
            [start.dataset_id]
        FROM query_table(starts) AS start
        UNION
        SELECT
            found.dataset_id,
            found.field,
            found.best.cost,
            found.best.depth,
            found.best.path
        FROM (
            SELECT
                node_link.upstream_id AS dataset_id,
                node_link.upstream_field AS field,
                min(
                    {
                        'cost': cost.cost - ln(node_link.strength) - least(coalesce(node_odds.odds, 0), 0) * 0.5,
                        'depth': cost.depth + (node_link.upstream_id != node_link.downstream_id)::INTEGER,
                        'path': CASE
                            WHEN node_link.upstream_id != node_link.downstream_id THEN [node_link.upstream_id] || cost.path
                            ELSE cost.path
                        END
                    }
                ) AS best
            FROM cost
            JOIN query_table(links) AS node_link
                ON
                    node_link.downstream_id = cost.dataset_id
                    AND node_link.downstream_field = cost.field
            LEFT JOIN query_table(odds) AS node_odds
                ON
                    node_odds.dataset_id = cost.dataset_id
                    AND node_odds.field = cost.field
                    AND cost.depth > 0
            GROUP BY
                node_link.upstream_id,
                node_link.upstream_field
        ) AS found
        LEFT JOIN recurring.cost AS seen
            ON
                seen.dataset_id = found.dataset_id
                AND seen.field = found.field
        WHERE seen.dataset_id IS NULL OR found.best.cost < seen.cost - 1e-9
    )
FROM cost;
