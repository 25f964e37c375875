{# Quotes the name of a column that a model has. Snowflake folds names to upper case, the others to lower case. #}
{% macro column(name) %}
  {{- adapter.quote(name | upper if target.type == 'snowflake' else name | lower) -}}
{% endmacro %}


{# Quotes a column of a loaded table by the name that the loader gives it: `$` becomes `_` but on Spark, and only
   Airbyte's PostgreSQL destination keeps capital letters. #}
{% macro loaded_column(name) %}
  {%- set loader = var('amplitude_loader') -%}
  {%- set loaded = name if loader == 'spark' else name | replace('$', '_') -%}
  {%- if target.type == 'postgres' and loader == 'airbyte' -%}
    {{- adapter.quote(loaded) -}}
  {%- else -%}
    {{- source_amplitude.column(loaded) -}}
  {%- endif -%}
{% endmacro %}


{# A column of a loaded table with its type; a JSON column stays as it was loaded. #}
{% macro typed_column(name, type) %}
  {%- set loaded = source_amplitude.loaded_column(name) -%}
  {%- if type == 'json' -%}
    {{- loaded -}}
  {%- elif type == 'timestamp' -%}
    {{- source_amplitude.utc_timestamp(loaded) -}}
  {%- else -%}
    cast({{ loaded }} as {{ source_amplitude.type_named(type) }})
  {%- endif -%}
{% endmacro %}


{% macro type_named(type) %}
  {%- if type == 'string' -%} {{ dbt.type_string() }}
  {%- elif type == 'integer' -%} {{ dbt.type_bigint() }}
  {%- elif type == 'number' -%} {{ source_amplitude.type_number() }}
  {%- elif type == 'boolean' -%} {{ dbt.type_boolean() }}
  {%- elif type == 'date' -%} date
  {%- elif type == 'timestamp' -%} {{ source_amplitude.type_utc_timestamp() }}
  {%- elif type == 'json' -%} {{ dbt.type_string() }}
  {%- else -%}
    {{ exceptions.raise_compiler_error("No type is called " ~ type ~ ": choose string, integer, number, boolean, date or timestamp.") }}
  {%- endif -%}
{% endmacro %}


{% macro type_number() %}{{ return(adapter.dispatch('type_number', 'source_amplitude')()) }}{% endmacro %}
{% macro default__type_number() %}double precision{% endmacro %}
{% macro bigquery__type_number() %}float64{% endmacro %}
{% macro databricks__type_number() %}double{% endmacro %}
{% macro spark__type_number() %}double{% endmacro %}


{# The name of a column made of a property: `order id` becomes `order_id`. #}
{% macro property_alias(property) %}
  {%- set name = property.alias if property is mapping and property.alias else property.name if property is mapping else property -%}
  {{- modules.re.sub('[^a-z0-9]+', '_', name | lower).strip('_') -}}
{% endmacro %}


{# The chosen properties as columns: texts, or of the type that is given. #}
{% macro property_columns(bag, properties, prefix='') %}
  {%- for property in properties %}
  {%- set name = property.name if property is mapping else property %}
  {%- set type = property.type if property is mapping and property.type else 'string' %},
    {{ source_amplitude.as_type(source_amplitude.json_value(source_amplitude.loaded_column(bag), name), type) }} as {{ source_amplitude.column(prefix ~ source_amplitude.property_alias(property)) }}
  {%- endfor %}
{% endmacro %}


{# Which of the connector's streams are loaded. A model of another one is there all the same, without rows. #}
{% macro is_loaded(stream) %}{{ return(stream in var('amplitude_streams')) }}{% endmacro %}


{# A loaded table with types. With *Append*, the newest record of each key counts.

   :param columns: names and types
   :param renamed: other names for some of them #}
{% macro staged(stream, key, columns, renamed={}) %}
  {%- if source_amplitude.is_loaded(stream) -%}
    {%- set one_each = not var('amplitude_deduped') and var('amplitude_loader') != 'spark' %}
with typed as (
  select
    {%- for name, type in columns.items() %}
    {{ source_amplitude.typed_column(name, type) }} as {{ source_amplitude.column(renamed.get(name, name)) }}{{ ',' if not loop.last or one_each }}
    {%- endfor %}
    {%- if one_each %}
    row_number() over (
      partition by {% for name in key %}{{ source_amplitude.loaded_column(name) }}{{ ', ' if not loop.last }}{% endfor %}
      order by {{ source_amplitude.loaded_column('_airbyte_extracted_at') }} desc
    ) as copy
    {%- endif %}
  from {{ source('amplitude', stream) }}
)
select
  {%- for name in columns %}
  {{ source_amplitude.column(renamed.get(name, name)) }}{{ ',' if not loop.last }}
  {%- endfor %}
from typed
    {%- if one_each %}
where copy = 1
    {%- endif %}
  {%- else %}
select
  {%- for name, type in columns.items() %}
  cast(null as {{ source_amplitude.type_named(type) }}) as {{ source_amplitude.column(renamed.get(name, name)) }}{{ ',' if not loop.last }}
  {%- endfor %}
from (select 1 as nothing) as nothing
where 1 = 0
  {%- endif %}
{% endmacro %}


{# A text as SQL has it. #}
{% macro text(value) %}{{ return(dbt.string_literal(dbt.escape_single_quotes(value))) }}{% endmacro %}


{# Rows of both queries, each once. #}
{% macro union_distinct() %}{{ return('union distinct' if target.type == 'bigquery' else 'union') }}{% endmacro %}


{# The values of a group in one text, in order, with commas between. #}
{% macro sorted_list(column) %}{{ return(adapter.dispatch('sorted_list', 'source_amplitude')(column)) }}{% endmacro %}
{% macro default__sorted_list(column) %}{{ return(dbt.listagg(column, "', '", 'order by ' ~ column)) }}{% endmacro %}
{% macro databricks__sorted_list(column) %}array_join(sort_array(collect_list({{ column }})), ', '){% endmacro %}
{% macro spark__sorted_list(column) %}{{ source_amplitude.databricks__sorted_list(column) }}{% endmacro %}
