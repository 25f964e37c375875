{# Models have timestamps in UTC, of a type without a time zone where the warehouse has one. #}
{% macro type_utc_timestamp() %}{{ return(adapter.dispatch('type_utc_timestamp', 'source_amplitude')()) }}{% endmacro %}
{% macro default__type_utc_timestamp() %}timestamp{% endmacro %}
{% macro snowflake__type_utc_timestamp() %}timestamp_ntz{% endmacro %}
{% macro databricks__type_utc_timestamp() %}timestamp_ntz{% endmacro %}
{% macro spark__type_utc_timestamp() %}timestamp_ntz{% endmacro %}


{# A loaded timestamp, with or without a time zone, in UTC whatever the time zone of the session; Spark's may be texts. #}
{% macro utc_timestamp(column) %}{{ return(adapter.dispatch('utc_timestamp', 'source_amplitude')(column)) }}{% endmacro %}

{% macro default__utc_timestamp(column) %}cast({{ column }} as timestamp){% endmacro %}

{# Both types count microseconds from 1970 in UTC; a text from Spark has its zone, `Z`. #}
{% macro duckdb__utc_timestamp(column) -%}
  {%- if var('amplitude_loader') == 'spark' -%}
    make_timestamp(epoch_us(cast(cast({{ column }} as varchar) as timestamptz)))
  {%- else -%}
    make_timestamp(epoch_us({{ column }}))
  {%- endif -%}
{%- endmacro %}

{% macro postgres__utc_timestamp(column) -%}
  (timestamp '1970-01-01' + extract(epoch from {{ column }}) * interval '1 second')
{%- endmacro %}

{% macro snowflake__utc_timestamp(column) %}to_timestamp_ntz(date_part(epoch_microsecond, {{ column }}), 6){% endmacro %}

{% macro databricks__utc_timestamp(column) -%}
  (timestamp_ntz'1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, cast(unix_micros(cast({{ column }} as timestamp)) / 1000000bd as decimal(18, 6))))
{%- endmacro %}

{% macro spark__utc_timestamp(column) %}{{ source_amplitude.databricks__utc_timestamp(column) }}{% endmacro %}


{# The day of the project's time zone that a timestamp in UTC is in. #}
{% macro project_date(column) %}{{ return(adapter.dispatch('project_date', 'source_amplitude')(column)) }}{% endmacro %}

{% macro default__project_date(column) -%}
  cast(({{ column }} at time zone 'UTC') at time zone '{{ var("amplitude_timezone") }}' as date)
{%- endmacro %}

{% macro snowflake__project_date(column) -%}
  cast(convert_timezone('UTC', '{{ var("amplitude_timezone") }}', {{ column }}) as date)
{%- endmacro %}

{% macro bigquery__project_date(column) %}date({{ column }}, '{{ var("amplitude_timezone") }}'){% endmacro %}

{% macro databricks__project_date(column) %}{{ source_amplitude.snowflake__project_date(column) }}{% endmacro %}

{% macro spark__project_date(column) %}{{ source_amplitude.snowflake__project_date(column) }}{% endmacro %}


{# Seconds from one timestamp to another, with fractions. #}
{% macro seconds_between(start, end) %}{{ return(adapter.dispatch('seconds_between', 'source_amplitude')(start, end)) }}{% endmacro %}
{% macro default__seconds_between(start, end) %}(datediff('microsecond', {{ start }}, {{ end }}) / 1000000.0){% endmacro %}
{% macro postgres__seconds_between(start, end) %}cast(extract(epoch from {{ end }} - {{ start }}) as double precision){% endmacro %}
{% macro bigquery__seconds_between(start, end) %}(timestamp_diff({{ end }}, {{ start }}, microsecond) / 1000000.0){% endmacro %}
{% macro databricks__seconds_between(start, end) %}(cast(timestampdiff(microsecond, {{ start }}, {{ end }}) as double) / 1000000){% endmacro %}
{% macro spark__seconds_between(start, end) %}{{ source_amplitude.databricks__seconds_between(start, end) }}{% endmacro %}


{% macro hours_later(column, hours) %}{{ return(adapter.dispatch('hours_later', 'source_amplitude')(column, hours)) }}{% endmacro %}
{% macro default__hours_later(column, hours) %}({{ column }} + interval '{{ hours }} hours'){% endmacro %}
{% macro bigquery__hours_later(column, hours) %}timestamp_add({{ column }}, interval {{ hours }} hour){% endmacro %}
{% macro databricks__hours_later(column, hours) %}({{ column }} + interval {{ hours }} hours){% endmacro %}
{% macro spark__hours_later(column, hours) %}{{ source_amplitude.databricks__hours_later(column, hours) }}{% endmacro %}


{# A date so many days later, or earlier where they are negative. #}
{% macro days_later(column, days) %}{{ return(adapter.dispatch('days_later', 'source_amplitude')(column, days)) }}{% endmacro %}
{% macro default__days_later(column, days) %}cast({{ dbt.dateadd('day', days, column) }} as date){% endmacro %}
{% macro postgres__days_later(column, days) %}({{ column }} + {{ days }}){% endmacro %}
{% macro bigquery__days_later(column, days) %}date_add({{ column }}, interval {{ days }} day){% endmacro %}
{% macro databricks__days_later(column, days) %}date_add({{ column }}, {{ days }}){% endmacro %}
{% macro spark__days_later(column, days) %}date_add({{ column }}, {{ days }}){% endmacro %}


{# How many days one date is after another. #}
{% macro days_between(start, end) %}{{ return(adapter.dispatch('days_between', 'source_amplitude')(start, end)) }}{% endmacro %}
{% macro default__days_between(start, end) %}datediff('day', {{ start }}, {{ end }}){% endmacro %}
{% macro postgres__days_between(start, end) %}({{ end }} - {{ start }}){% endmacro %}
{% macro bigquery__days_between(start, end) %}date_diff({{ end }}, {{ start }}, day){% endmacro %}
{% macro databricks__days_between(start, end) %}datediff({{ end }}, {{ start }}){% endmacro %}
{% macro spark__days_between(start, end) %}datediff({{ end }}, {{ start }}){% endmacro %}
