{{ config(
    materialized='incremental',
    unique_key=['first_date', 'days_later'],
    on_schema_change='fail',
    indexes=source_amplitude.in_postgres([{'columns': ['first_date']}]),
) }}

{%- set longest = var('amplitude_retention_days') %}
{#- Users by their first day are counted anew where one of them had an event within the days that count. #}
{%- if is_incremental() %}
{%- set since = source_amplitude.last_load(this) %}
with changed_days as (
  {{ source_amplitude.changed_user_days(since) }}
),

changed as (
  select distinct users.first_date
  from changed_days
  join {{ ref('int_amplitude__users') }} as users on users.amplitude_id = changed_days.amplitude_id
  where {{ source_amplitude.days_between('users.first_date', 'changed_days.event_date') }} <= {{ longest }}
  {{ source_amplitude.union_distinct() }}
  select changed_days.event_date
  from changed_days
  join {{ ref('int_amplitude__users') }} as users on users.amplitude_id = changed_days.amplitude_id
  where users.first_seen_load > {{ since }}
),
{%- else %}
with
{%- endif %}

users as (
  select amplitude_id, first_date
  from {{ ref('int_amplitude__users') }}
  {%- if is_incremental() %}
  where first_date in (select first_date from changed)
  {%- endif %}
),

sizes as (
  select first_date, count(*) as cohort_users
  from users
  group by first_date
),

returned as (
  select
    users.first_date,
    {{ source_amplitude.days_between('users.first_date', 'days.event_date') }} as days_later,
    count(*) as users
  from users
  join {{ ref('int_amplitude__user_days') }} as days
    on days.amplitude_id = users.amplitude_id
    and days.event_date between users.first_date and {{ source_amplitude.days_later('users.first_date', longest) }}
  group by users.first_date, {{ source_amplitude.days_between('users.first_date', 'days.event_date') }}
)

select
  returned.first_date,
  returned.days_later,
  sizes.cohort_users,
  returned.users,
  returned.users / cast(sizes.cohort_users as {{ source_amplitude.type_number() }}) as retention,
  {{ source_amplitude.newest_load(ref('int_amplitude__user_days')) }} as load_number
from returned
join sizes on sizes.first_date = returned.first_date
