{%- set steps = var('amplitude_funnel_steps') %}
{%- set days = (var('amplitude_funnel_hours') / 24) | round(0, 'ceil') | int %}
{{ config(
    materialized='incremental',
    unique_key=['amplitude_id', 'funnel_date'],
    on_schema_change='fail',
    enabled=steps | length > 1,
    indexes=source_amplitude.in_postgres([{'columns': ['amplitude_id', 'funnel_date']}, {'columns': ['funnel_date']}, {'columns': ['load_number']}]),
) }}

{%- set types %}{% for step in steps %}{{ source_amplitude.text(step) }}{{ ', ' if not loop.last }}{% endfor %}{% endset %}

{#- A funnel begins with a user's first such event of a day; the next steps follow in order, within the hours that count. #}
with
{%- if is_incremental() %}
{%- set since = source_amplitude.last_load(this) %}
new_events as (
  select distinct amplitude_id, event_date
  from {{ ref('stg_amplitude__events') }}
  where load_number > {{ since }} and event_type in ({{ types }}) and event_date is not null and amplitude_id is not null
),

changed as (
  {%- for day in range(days + 1) %}
  select amplitude_id, {{ source_amplitude.days_later('event_date', -day) }} as funnel_date from new_events
  {%- if not loop.last %}
  {{ source_amplitude.union_distinct() }}
  {%- endif %}
  {%- endfor %}
),
{%- endif %}

{#- Each event beside the days on which a funnel may have begun that it is a step of: joins are by equality alone. #}
candidates as (
  {%- for day in range(days + 1) %}
  select
    events.amplitude_id,
    {%- if is_incremental() %}
    changed.funnel_date,
    {%- else %}
    {{ source_amplitude.days_later('events.event_date', -day) }} as funnel_date,
    {%- endif %}
    {{ day }} as days_after,
    events.event_type,
    events.event_time
  from {{ ref('stg_amplitude__events') }} as events
  {%- if is_incremental() %}
  join changed
    on changed.amplitude_id = events.amplitude_id
    and events.event_date = {{ source_amplitude.days_later('changed.funnel_date', day) }}
  {%- endif %}
  where events.event_type in ({{ types }}) and events.event_date is not null and events.amplitude_id is not null
  {%- if not loop.last %}
  union all
  {%- endif %}
  {%- endfor %}
),

step_1 as (
  select amplitude_id, funnel_date, min(event_time) as began_at, min(event_time) as reached_at
  from candidates
  where days_after = 0 and event_type = {{ source_amplitude.text(steps[0]) }}
  group by amplitude_id, funnel_date
)
{%- for step in steps[1:] %},

step_{{ loop.index + 1 }} as (
  select before.amplitude_id, before.funnel_date, before.began_at, min(candidates.event_time) as reached_at
  from step_{{ loop.index }} as before
  join candidates
    on candidates.amplitude_id = before.amplitude_id
    and candidates.funnel_date = before.funnel_date
  where candidates.event_type = {{ source_amplitude.text(step) }}
    and candidates.event_time > before.reached_at
    and candidates.event_time <= {{ source_amplitude.hours_later('before.began_at', var('amplitude_funnel_hours')) }}
  group by before.amplitude_id, before.funnel_date, before.began_at
)
{%- endfor %}

select
  step_1.amplitude_id,
  step_1.funnel_date,
  {%- for step in steps %}
  step_{{ loop.index }}.reached_at as step_{{ loop.index }}_at,
  {%- endfor %}
  {% for step in steps %}case when step_{{ loop.index }}.reached_at is null then 0 else 1 end{{ ' + ' if not loop.last }}{% endfor %} as steps_reached,
  {{ source_amplitude.newest_load(ref('stg_amplitude__events')) }} as load_number
from step_1
{%- for step in steps[1:] %}
left join step_{{ loop.index + 1 }}
  on step_{{ loop.index + 1 }}.amplitude_id = step_1.amplitude_id and step_{{ loop.index + 1 }}.funnel_date = step_1.funnel_date
{%- endfor %}
