SELECT
    customer_id,
    TRIM(name) AS name,
    LOWER(email) AS email,
    country
FROM {{ source('landing', 'customers_ca_raw') }}
UNION ALL
SELECT
    customer_id,
    TRIM(name) AS name,
    LOWER(email) AS email,
    country
FROM {{ source('landing', 'customers_us_raw') }}
