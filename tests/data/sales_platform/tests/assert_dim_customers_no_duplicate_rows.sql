SELECT
    customer_id,
    COUNT(*) AS copies
FROM {{ ref('dim_customers') }}
GROUP BY customer_id
HAVING COUNT(*) > 1
