SELECT
    customers.customer_id,
    customers.name,
    customers.email,
    customers.country,
    addresses.city,
    addresses.postal_code
FROM {{ ref('customers') }} AS customers
LEFT JOIN {{ ref('customer_address') }} AS addresses
    ON customers.customer_id = addresses.customer_id
