{{ config(
    materialized='incremental',
    unique_key='amplitude_id',
    on_schema_change='fail',
    indexes=source_amplitude.in_postgres([{'columns': ['amplitude_id']}, {'columns': ['first_date']}, {'columns': ['load_number']}]),
    post_hook=source_amplitude.analyzed(),
) }}

{%- set as_of_last_event = ['last_event_type', 'device_id', 'platform', 'os_name', 'device_type', 'version_name', 'language', 'country', 'region', 'city', 'paying'] %}

with new_events as (
  select
    amplitude_id, user_id, merged_amplitude_id, event_time, event_date, event_type as last_event_type,
    {%- for name in as_of_last_event[1:] %}
    {{ name }},
    {%- endfor %}
    user_properties, load_number,
    row_number() over (partition by amplitude_id order by event_time desc, event_id desc, uuid) as place,
    row_number() over (
      partition by amplitude_id order by case when user_id is null then 1 else 0 end, event_time desc, event_id desc, uuid
    ) as place_by_user_id,
    row_number() over (
      partition by amplitude_id
      order by case when merged_amplitude_id is null then 1 else 0 end, event_time desc, event_id desc, uuid
    ) as place_by_merge
  from {{ ref('stg_amplitude__events') }}
  where event_time is not null and amplitude_id is not null
  {%- if is_incremental() %}
    and load_number > {{ source_amplitude.last_load(this) }}
  {%- endif %}
),

{#- Columns that no aggregate of the warehouses takes, JSON and booleans, come by a join with the newest event. #}
newest as (
  select * from new_events where place = 1
),

changed as (
  select
    amplitude_id,
    max(case when place_by_user_id = 1 then user_id end) as user_id,
    max(case when user_id is not null then event_time end) as user_id_time,
    max(case when place_by_merge = 1 then merged_amplitude_id end) as merged_amplitude_id,
    max(case when merged_amplitude_id is not null then event_time end) as merged_amplitude_id_time,
    count(*) as events,
    min(event_time) as first_seen_at,
    max(event_time) as last_seen_at,
    max(load_number) as load_number
  from new_events
  group by amplitude_id
)

select
  changed.amplitude_id,
  {%- if is_incremental() %}
  {%- for name in ['user_id', 'merged_amplitude_id'] %}
  {%- set held_is_newer = 'changed.' ~ name ~ ' is null or held.' ~ name ~ '_time > changed.' ~ name ~ '_time' %}
  case when {{ held_is_newer }} then held.{{ name }} else changed.{{ name }} end as {{ name }},
  case when {{ held_is_newer }} then held.{{ name }}_time else changed.{{ name }}_time end as {{ name }}_time,
  {%- endfor %}
  changed.events + coalesce(held.events, 0) as events,
  least(changed.first_seen_at, coalesce(held.first_seen_at, changed.first_seen_at)) as first_seen_at,
  greatest(changed.last_seen_at, coalesce(held.last_seen_at, changed.last_seen_at)) as last_seen_at,
  {{ source_amplitude.project_date('least(changed.first_seen_at, coalesce(held.first_seen_at, changed.first_seen_at))') }} as first_date,
  case when held.first_seen_at <= changed.first_seen_at then held.first_seen_load else changed.load_number end as first_seen_load,
  {%- for name in as_of_last_event %}
  case when held.last_seen_at > changed.last_seen_at then held.{{ name }} else newest.{{ name }} end as {{ name }},
  {%- endfor %}
  case when held.last_seen_at > changed.last_seen_at then held.user_properties else newest.user_properties end as user_properties,
  changed.load_number
  {%- else %}
  changed.user_id,
  changed.user_id_time,
  changed.merged_amplitude_id,
  changed.merged_amplitude_id_time,
  changed.events,
  changed.first_seen_at,
  changed.last_seen_at,
  {{ source_amplitude.project_date('changed.first_seen_at') }} as first_date,
  changed.load_number as first_seen_load,
  {%- for name in as_of_last_event %}
  newest.{{ name }},
  {%- endfor %}
  newest.user_properties,
  changed.load_number
  {%- endif %}
from changed
join newest on newest.amplitude_id = changed.amplitude_id
{%- if is_incremental() %}
left join {{ this }} as held on held.amplitude_id = changed.amplitude_id
{%- endif %}
