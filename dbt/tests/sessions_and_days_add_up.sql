{#- No event is in two sessions or days, and none is left out: sums of the models are the numbers of events. #}
with events as (
  select
    sum(case when event_date is not null and amplitude_id is not null then 1 else 0 end) as of_days,
    sum(case when session_id <> -1 and event_time is not null and amplitude_id is not null then 1 else 0 end) as of_sessions
  from {{ ref('stg_amplitude__events') }}
),

sums as (
  select
    (select sum(events) from {{ ref('int_amplitude__days') }}) as of_days,
    (select sum(events) from {{ ref('amplitude__sessions') }}) as of_sessions,
    (select sum(events) from {{ ref('int_amplitude__users') }}) as of_users
)

select events.of_days, events.of_sessions, sums.of_days as in_days, sums.of_sessions as in_sessions, sums.of_users as in_users
from events
cross join sums
where events.of_days <> coalesce(sums.of_days, 0)
  or events.of_sessions <> coalesce(sums.of_sessions, 0)
  or events.of_days <> coalesce(sums.of_users, 0)
