{# A model's schema is the one it names: `cleansing`, not dbt's default `main_cleansing`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
