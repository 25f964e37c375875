select
  members.cohort_id,
  cohorts.name as cohort_name,
  members.amplitude_id,
  coalesce(users.user_id, members.user_id) as user_id,
  members.properties,
  users.first_seen_at,
  users.last_seen_at,
  users.events,
  users.amplitude_id is not null as has_loaded_events
from {{ ref('stg_amplitude__cohort_members') }} as members
left join {{ ref('stg_amplitude__cohorts') }} as cohorts on cohorts.id = members.cohort_id
left join {{ ref('int_amplitude__users') }} as users on users.amplitude_id = members.amplitude_id
