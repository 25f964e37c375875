{{ config(
    materialized='incremental',
    unique_key=['amplitude_id', 'event_date'],
    on_schema_change='fail',
    indexes=source_amplitude.in_postgres([{'columns': ['amplitude_id', 'event_date']}, {'columns': ['event_date']}, {'columns': ['load_number']}]),
    post_hook=source_amplitude.analyzed(),
) }}

with changed as (
  select
    amplitude_id,
    event_date,
    count(*) as events,
    min(server_upload_time) as first_upload_time,
    max(server_upload_time) as last_upload_time,
    max(load_number) as load_number
  from {{ ref('stg_amplitude__events') }}
  where event_date is not null and amplitude_id is not null
  {%- if is_incremental() %}
    and load_number > {{ source_amplitude.last_load(this) }}
  {%- endif %}
  group by amplitude_id, event_date
)

{% if is_incremental() -%}
select
  changed.amplitude_id,
  changed.event_date,
  changed.events + coalesce(held.events, 0) as events,
  least(changed.first_upload_time, coalesce(held.first_upload_time, changed.first_upload_time)) as first_upload_time,
  greatest(changed.last_upload_time, coalesce(held.last_upload_time, changed.last_upload_time)) as last_upload_time,
  changed.load_number
from changed
left join {{ this }} as held on held.amplitude_id = changed.amplitude_id and held.event_date = changed.event_date
{%- else -%}
select * from changed
{%- endif %}
