{# The highest value that a column of a model has had so far, at the time of the run; a constant lets warehouses leave
   out what is older. None while the model does not exist. #}
{% macro highest(relation, column) %}{{ return(adapter.dispatch('highest', 'source_amplitude')(relation, column)) }}{% endmacro %}

{% macro default__highest(relation, column) %}
  {%- if execute -%}
    {{- return(run_query('select max(' ~ column ~ ') as highest from ' ~ relation).columns[0].values()[0]) -}}
  {%- endif -%}
{% endmacro %}


{# The number of the last load that a model has worked in: 0 while there is none. #}
{% macro last_load(relation) %}
  {{- return((source_amplitude.highest(relation, 'load_number') or 0) | int) -}}
{% endmacro %}


{# As text, from when on loaded events are read again: so many hours before the newest that the model holds. #}
{% macro read_again_from(relation) %}
  {%- set newest = source_amplitude.highest(relation, 'server_upload_time') -%}
  {%- if newest -%}
    {{- return((newest - modules.datetime.timedelta(hours=var('amplitude_lookback_hours'))).strftime('%Y-%m-%dT%H:%M:%S')) -}}
  {%- else -%}
    {{- return('1970-01-01T00:00:00') -}}
  {%- endif -%}
{% endmacro %}


{# A new row for each event: BigQuery knows no other way than a merge. #}
{% macro appending() %}{{ return('merge' if target.type == 'bigquery' else 'append') }}{% endmacro %}


{# PostgreSQL plans the next model well when it knows this one; the others keep such statistics by themselves. #}
{% macro analyzed() %}{{ return(['analyze {{ this }}'] if target.type == 'postgres' else []) }}{% endmacro %}


{# Indexes, for PostgreSQL alone: in DuckDB 1.4, which needs none, a lookup by an index missed rows that were replaced. #}
{% macro in_postgres(indexes) %}{{ return(indexes if target.type == 'postgres' else []) }}{% endmacro %}
