with cohorts as (
  select
    members.amplitude_id,
    count(*) as number_of_cohorts,
    {{ source_amplitude.sorted_list('members.cohort_id') }} as cohort_ids
  from {{ ref('stg_amplitude__cohort_members') }} as members
  group by members.amplitude_id
)

select
  users.amplitude_id,
  users.user_id,
  users.user_id is null as is_anonymous,
  users.merged_amplitude_id,
  users.first_seen_at,
  users.last_seen_at,
  users.first_date,
  users.events,
  users.last_event_type,
  users.device_id,
  users.platform,
  users.os_name,
  users.device_type,
  users.version_name,
  users.language,
  users.country,
  users.region,
  users.city,
  users.paying,
  users.user_properties,
  coalesce(cohorts.number_of_cohorts, 0) as number_of_cohorts,
  cohorts.cohort_ids
from {{ ref('int_amplitude__users') }} as users
left join cohorts on cohorts.amplitude_id = users.amplitude_id
