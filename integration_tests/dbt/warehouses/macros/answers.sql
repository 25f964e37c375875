{# What a warehouse would answer, without one: which rows a model holds, and whether it is there at all. #}
{% macro default__highest(relation, column) %}
  {{- return(modules.datetime.datetime(2024, 3, 15, 9) if column == 'server_upload_time' else 1) -}}
{% endmacro %}


{% macro is_incremental() %}{{ return(var('built_before') and model.config.materialized == 'incremental') }}{% endmacro %}
