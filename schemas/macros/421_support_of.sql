-- What each node would explain of what is odd below it. The parameters are the names of tables.
CREATE MACRO store.support_of(odds, links, paths, weights) AS TABLE
WITH RECURSIVE
    -- What is out of the ordinary, and everything that could explain it.
    oddity AS MATERIALIZED (
        SELECT
            node_odds.dataset_id,
            node_odds.field,
            node_odds.odds
        FROM query_table(odds) AS node_odds
        WHERE node_odds.odds > 0.7
        ORDER BY node_odds.odds DESC
        LIMIT 40
    ),
    explains(odd_id, odd_field, dataset_id, field, strength) USING KEY (odd_id, odd_field, dataset_id, field) AS (
        SELECT
            oddity.dataset_id,
            oddity.field,
            oddity.dataset_id,
            oddity.field,
            1::DOUBLE
        FROM oddity
        UNION
        SELECT
            found.odd_id,
            found.odd_field,
            found.dataset_id,
            found.field,
            found.strength
        FROM (
            SELECT
                explains.odd_id,
                explains.odd_field,
                node_link.upstream_id AS dataset_id,
                node_link.upstream_field AS field,
                max(explains.strength * node_link.strength) AS strength
            FROM explains
            JOIN query_table(links) AS node_link
                ON
                    node_link.downstream_id = explains.dataset_id
                    AND node_link.downstream_field = explains.field
            WHERE explains.strength * node_link.strength > 0.05
            GROUP BY
                explains.odd_id,
                explains.odd_field,
                node_link.upstream_id,
                node_link.upstream_field
        ) AS found
        LEFT JOIN recurring.explains AS seen
            ON
                seen.odd_id = found.odd_id
                AND seen.odd_field = found.odd_field
                AND seen.dataset_id = found.dataset_id
                AND seen.field = found.field
        WHERE seen.odd_id IS NULL OR found.strength > seen.strength + 1e-9
    )
SELECT
    dataset_id,
    field,
    sum(gain) AS gain,
    sum(gain * relevance) AS relevant_gain,
    list(odd_id ORDER BY gain DESC) AS explained
FROM (
    SELECT
        explains.dataset_id,
        explains.field,
        explains.odd_id,
        max(
            ln(explains.strength * exp(oddity.odds) + 1 - explains.strength)
            - ln(weight.elsewhere * exp(oddity.odds) + 1 - weight.elsewhere)
        ) AS gain,
        max(exp(-coalesce(cost.cost, 10))) AS relevance
    FROM explains
    CROSS JOIN query_table(weights) AS weight
    LEFT JOIN query_table(paths) AS cost
        ON
            cost.dataset_id = explains.odd_id
            AND cost.field = explains.odd_field
    JOIN oddity
        ON
            oddity.dataset_id = explains.odd_id
            AND oddity.field = explains.odd_field
    WHERE explains.odd_id != explains.dataset_id
    GROUP BY
        explains.dataset_id,
        explains.field,
        explains.odd_id
)
WHERE gain > 0
GROUP BY
    dataset_id,
    field;
