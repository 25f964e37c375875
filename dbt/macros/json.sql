{# The value of a property as text, whatever its name; null where the bag has no such property. #}
{% macro json_value(column, name) %}{{ return(adapter.dispatch('json_value', 'source_amplitude')(column, name)) }}{% endmacro %}

{# As the path of JSON has it: in double quotes. #}
{% macro json_path_name(name) %}"{{ name | replace('\\', '\\\\') | replace('"', '\\"') | replace("'", "''") }}"{% endmacro %}

{% macro default__json_value(column, name) -%}
  json_extract_string(cast({{ column }} as json), '$.{{ source_amplitude.json_path_name(name) }}')
{%- endmacro %}

{% macro postgres__json_value(column, name) -%}
  (cast({{ column }} as jsonb) ->> '{{ name | replace("'", "''") }}')
{%- endmacro %}

{% macro snowflake__json_value(column, name) -%}
  cast(get({{ source_amplitude.json_object(column) }}, '{{ name | replace("\\", "\\\\") | replace("'", "\\'") }}') as varchar)
{%- endmacro %}

{% macro bigquery__json_value(column, name) -%}
  json_value({{ source_amplitude.json_object(column) }}, '$.{{ source_amplitude.json_path_name(name) | replace("\\", "\\\\") | replace("''", "\\'") }}')
{%- endmacro %}

{% macro databricks__json_value(column, name) -%}
  get_json_object(cast({{ column }} as string), '$[\'{{ name | replace("\\", "\\\\") | replace("'", "\\'") }}\']')
{%- endmacro %}

{% macro spark__json_value(column, name) %}{{ source_amplitude.databricks__json_value(column, name) }}{% endmacro %}


{# A JSON column as the warehouse's own type for JSON: it is one already with `object`. #}
{% macro json_object(column) -%}
  {%- if var('amplitude_properties_format') == 'object' -%} {{ column }}
  {%- elif target.type == 'snowflake' -%} try_parse_json({{ column }})
  {%- else -%} safe.parse_json({{ column }})
  {%- endif -%}
{%- endmacro %}


{# A text as another type; null where it is none. #}
{% macro as_type(text, type) %}{{ return(adapter.dispatch('as_type', 'source_amplitude')(text, type)) }}{% endmacro %}

{% macro default__as_type(text, type) -%}
  {%- if type == 'string' -%} {{ text }}
  {%- else -%} try_cast({{ text }} as {{ source_amplitude.type_named(type) }})
  {%- endif -%}
{%- endmacro %}

{% macro bigquery__as_type(text, type) -%}
  {%- if type == 'string' -%} {{ text }}
  {%- else -%} safe_cast({{ text }} as {{ source_amplitude.type_named(type) }})
  {%- endif -%}
{%- endmacro %}

{% macro postgres__as_type(text, type) -%}
  {%- if type == 'string' -%} {{ text }}
  {%- else -%}
    case when pg_input_is_valid({{ text }}, '{{ source_amplitude.type_named(type) | trim }}') then cast({{ text }} as {{ source_amplitude.type_named(type) }}) end
  {%- endif -%}
{%- endmacro %}


{# The names and numbers of a JSON object in a column of each row, one row for each, as `segment` and `users`. #}
{% macro numbers_of(relation, key, column) %}{{ return(adapter.dispatch('numbers_of', 'source_amplitude')(relation, key, column)) }}{% endmacro %}

{% macro default__numbers_of(relation, key, column) %}
select
  {{ key }},
  segment,
  cast(json_extract_string(bag, '$."' || replace(replace(segment, '\', '\\'), '"', '\"') || '"') as bigint) as users
from (
  select {{ key }}, cast({{ column }} as json) as bag, unnest(json_keys(cast({{ column }} as json))) as segment
  from {{ relation }}
) as segments
{% endmacro %}

{% macro postgres__numbers_of(relation, key, column) %}
select {{ key }}, segment, cast(number as bigint) as users
from {{ relation }}
cross join lateral jsonb_each_text(cast({{ column }} as jsonb)) as segments(segment, number)
{% endmacro %}

{% macro snowflake__numbers_of(relation, key, column) %}
select {{ key }}, segments.key as segment, cast(segments.value as bigint) as users
from {{ relation }}
cross join lateral flatten(input => {{ source_amplitude.json_object(column) }}) as segments
{% endmacro %}

{# BigQuery takes no path that a row makes; the object is flat, and its values are numbers. #}
{% macro bigquery__numbers_of(relation, key, column) %}
select
  {{ key }},
  string(parse_json(regexp_extract(pair, r'^("(?:[^"\\]|\\.)*")'))) as segment,
  cast(regexp_extract(pair, r'(-?[0-9]+)$') as int64) as users
from {{ relation }}
cross join unnest(
  regexp_extract_all(to_json_string({{ source_amplitude.json_object(column) }}), r'"(?:[^"\\]|\\.)*":-?[0-9]+')
) as pair
{% endmacro %}

{% macro databricks__numbers_of(relation, key, column) %}
select {{ key }}, segment, users
from {{ relation }}
lateral view explode(from_json(cast({{ column }} as string), 'map<string, bigint>')) as segment, users
{% endmacro %}

{% macro spark__numbers_of(relation, key, column) %}{{ source_amplitude.databricks__numbers_of(relation, key, column) }}{% endmacro %}
