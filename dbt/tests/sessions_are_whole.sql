{#- Each session has all of its events, from the first to the last, though they were loaded by several syncs. #}
with recent as (
  select amplitude_id, session_id, event_time
  from {{ ref('stg_amplitude__events') }}
  where session_id <> -1 and event_time is not null and amplitude_id is not null
    and {{ source_amplitude.newest_days(ref('stg_amplitude__events'), 'server_upload_time') }}
),

whole as (
  select amplitude_id, session_id, count(*) as events, min(event_time) as started_at, max(event_time) as ended_at
  from recent
  group by amplitude_id, session_id
)

select whole.amplitude_id, whole.session_id
from whole
left join {{ ref('amplitude__sessions') }} as sessions
  on sessions.amplitude_id = whole.amplitude_id and sessions.session_id = whole.session_id
where sessions.session_id is null
  or sessions.events < whole.events
  or sessions.started_at > whole.started_at
  or sessions.ended_at < whole.ended_at
