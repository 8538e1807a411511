SELECT
    customer_id,
    city,
    postal_code
FROM {{ source('landing', 'customer_address_ca_raw') }}
UNION ALL
SELECT
    customer_id,
    city,
    postal_code
FROM {{ source('landing', 'customer_address_us_raw') }}
