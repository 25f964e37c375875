{{ config(
    materialized='incremental',
    unique_key='event_date',
    on_schema_change='fail',
    indexes=source_amplitude.in_postgres([{'columns': ['event_date']}]),
) }}

{#- Days are counted anew from what is there of users and sessions, but only those in which something changed. A session
    that a late event lets begin earlier leaves the day after. #}
{%- if is_incremental() %}
{%- set since = source_amplitude.last_load(this) %}
with changed as (
  select event_date from ({{ source_amplitude.changed_user_days(since) }}) as user_days
  {{ source_amplitude.union_distinct() }}
  select session_date from {{ ref('amplitude__sessions') }} where load_number > {{ since }}
  {{ source_amplitude.union_distinct() }}
  select {{ source_amplitude.days_later('session_date', 1) }} from {{ ref('amplitude__sessions') }} where load_number > {{ since }}
),
{%- else %}
with
{%- endif %}

users as (
  select
    event_date,
    count(*) as active_users,
    sum(events) as events,
    min(first_upload_time) as first_upload_time,
    max(last_upload_time) as last_upload_time
  from {{ ref('int_amplitude__user_days') }}
  {%- if is_incremental() %}
  where event_date in (select event_date from changed)
  {%- endif %}
  group by event_date
),

new_users as (
  select first_date, count(*) as new_users
  from {{ ref('int_amplitude__users') }}
  {%- if is_incremental() %}
  where first_date in (select event_date from changed)
  {%- endif %}
  group by first_date
),

sessions as (
  select
    session_date,
    count(*) as sessions,
    count(distinct amplitude_id) as users_with_sessions,
    sum(length_seconds) as session_seconds
  from {{ ref('amplitude__sessions') }}
  {%- if is_incremental() %}
  where session_date in (select event_date from changed)
  {%- endif %}
  group by session_date
)

select
  users.event_date,
  cast(users.events as {{ dbt.type_bigint() }}) as events,
  users.active_users,
  coalesce(new_users.new_users, 0) as new_users,
  coalesce(sessions.sessions, 0) as sessions,
  coalesce(sessions.users_with_sessions, 0) as users_with_sessions,
  coalesce(sessions.session_seconds, 0) as session_seconds,
  users.first_upload_time,
  users.last_upload_time,
  {{ source_amplitude.newest_load(ref('int_amplitude__user_days')) }} as load_number
from users
left join new_users on new_users.first_date = users.event_date
left join sessions on sessions.session_date = users.event_date
