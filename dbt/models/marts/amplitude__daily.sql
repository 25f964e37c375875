with loaded as (
  select * from {{ ref('int_amplitude__days') }}
),

{#- Whole days are those between the first and the last upload. #}
range as (
  select
    {{ source_amplitude.project_date('min(first_upload_time)') }} as first_date,
    {{ source_amplitude.project_date('max(last_upload_time)') }} as last_date
  from loaded
),

{%- for name in ['active_users', 'new_users'] %}

counted_{{ name }} as (
  select {{ source_amplitude.column('date') }} as event_date, sum(users) as users
  from {{ ref('stg_amplitude__' ~ name) }}
  group by {{ source_amplitude.column('date') }}
),
{%- endfor %}

dates as (
  select event_date from loaded
  {%- for name in ['event_totals', 'average_session_length', 'sessions_per_user'] %}
  {{ source_amplitude.union_distinct() }}
  select {{ source_amplitude.column('date') }} from {{ ref('stg_amplitude__' ~ name) }}
  {%- endfor %}
  {{ source_amplitude.union_distinct() }}
  select event_date from counted_active_users
  {{ source_amplitude.union_distinct() }}
  select event_date from counted_new_users
)

select
  dates.event_date as {{ source_amplitude.column('date') }},
  coalesce(dates.event_date > range.first_date and dates.event_date < range.last_date, false) as is_loaded_whole,
  coalesce(loaded.events, 0) as events,
  event_totals.totals as events_counted,
  coalesce(loaded.events, 0) - event_totals.totals as events_difference,
  coalesce(loaded.active_users, 0) as active_users,
  counted_active_users.users as active_users_counted,
  coalesce(loaded.active_users, 0) - counted_active_users.users as active_users_difference,
  coalesce(loaded.new_users, 0) as new_users,
  counted_new_users.users as new_users_counted,
  coalesce(loaded.new_users, 0) - counted_new_users.users as new_users_difference,
  coalesce(loaded.sessions, 0) as sessions,
  loaded.session_seconds / nullif(loaded.sessions, 0) as average_session_length,
  lengths.length as average_session_length_counted,
  loaded.session_seconds / nullif(loaded.sessions, 0) - lengths.length as average_session_length_difference,
  loaded.sessions / cast(nullif(loaded.users_with_sessions, 0) as {{ source_amplitude.type_number() }}) as sessions_per_user,
  per_user.avg_sessions as sessions_per_user_counted,
  loaded.sessions / cast(nullif(loaded.users_with_sessions, 0) as {{ source_amplitude.type_number() }}) - per_user.avg_sessions as sessions_per_user_difference
from dates
cross join range
left join loaded on loaded.event_date = dates.event_date
left join {{ ref('stg_amplitude__event_totals') }} as event_totals on event_totals.{{ source_amplitude.column('date') }} = dates.event_date
left join counted_active_users on counted_active_users.event_date = dates.event_date
left join counted_new_users on counted_new_users.event_date = dates.event_date
left join {{ ref('stg_amplitude__average_session_length') }} as lengths on lengths.{{ source_amplitude.column('date') }} = dates.event_date
left join {{ ref('stg_amplitude__sessions_per_user') }} as per_user on per_user.{{ source_amplitude.column('date') }} = dates.event_date
