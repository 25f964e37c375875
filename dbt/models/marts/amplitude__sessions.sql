{{ config(
    materialized='incremental',
    unique_key='session_key',
    on_schema_change='fail',
    indexes=source_amplitude.in_postgres([{'columns': ['session_key']}, {'columns': ['session_date']}, {'columns': ['load_number']}]),
    post_hook=source_amplitude.analyzed(),
) }}

{#- New events are added to the sessions that are there: a late event changes its session, and no old event is read. #}
with new_events as (
  select
    {{ dbt.hash(dbt.concat(["cast(amplitude_id as " ~ dbt.type_string() ~ ")", "'/'", "cast(session_id as " ~ dbt.type_string() ~ ")"])) }} as session_key,
    amplitude_id, session_id, uuid, event_time, client_event_time, event_type, device_id, platform, country, load_number,
    row_number() over (partition by amplitude_id, session_id order by event_time, event_id, uuid) as place
  from {{ ref('stg_amplitude__events') }}
  where session_id <> -1 and event_time is not null and amplitude_id is not null
  {%- if is_incremental() %}
    and load_number > {{ source_amplitude.last_load(this) }}
  {%- endif %}
),

changed as (
  select
    session_key,
    amplitude_id,
    session_id,
    count(*) as events,
    min(event_time) as started_at,
    max(event_time) as ended_at,
    min(client_event_time) as started_at_client,
    max(client_event_time) as ended_at_client,
    max(case when place = 1 then event_type end) as first_event_type,
    max(case when place = 1 then device_id end) as device_id,
    max(case when place = 1 then platform end) as platform,
    max(case when place = 1 then country end) as country,
    max(load_number) as load_number
  from new_events
  group by session_key, amplitude_id, session_id
),

whole as (
  {%- if is_incremental() %}
  select
    changed.session_key,
    changed.amplitude_id,
    changed.session_id,
    changed.events + coalesce(held.events, 0) as events,
    least(changed.started_at, coalesce(held.started_at, changed.started_at)) as started_at,
    greatest(changed.ended_at, coalesce(held.ended_at, changed.ended_at)) as ended_at,
    least(changed.started_at_client, coalesce(held.started_at_client, changed.started_at_client)) as started_at_client,
    greatest(changed.ended_at_client, coalesce(held.ended_at_client, changed.ended_at_client)) as ended_at_client,
    {%- for name in ['first_event_type', 'device_id', 'platform', 'country'] %}
    case when held.started_at <= changed.started_at then held.{{ name }} else changed.{{ name }} end as {{ name }},
    {%- endfor %}
    changed.load_number
  from changed
  left join {{ this }} as held on held.session_key = changed.session_key
  {%- else %}
  select * from changed
  {%- endif %}
)

select
  session_key,
  amplitude_id,
  session_id,
  {{ source_amplitude.project_date('started_at') }} as session_date,
  started_at,
  ended_at,
  started_at_client,
  ended_at_client,
  {{ source_amplitude.seconds_between('started_at_client', 'ended_at_client') }} as length_seconds,
  events,
  first_event_type,
  device_id,
  platform,
  country,
  load_number
from whole
