{# Each user and day whose events changed since a load, and all days of users whose first day moved: numbers that count
   users by their first day change there. #}
{% macro changed_user_days(since) %}
  select amplitude_id, event_date
  from {{ ref('int_amplitude__user_days') }}
  where load_number > {{ since }}
  {{ source_amplitude.union_distinct() }}
  select days.amplitude_id, days.event_date
  from {{ ref('int_amplitude__user_days') }} as days
  join {{ ref('int_amplitude__users') }} as users on users.amplitude_id = days.amplitude_id
  where users.first_seen_load > {{ since }}
{% endmacro %}


{# The newest load that has come as far as a model: what is written beside its rows. #}
{% macro newest_load(relation) %}(select max(load_number) from {{ relation }}){% endmacro %}
