{%- set steps = var('amplitude_funnel_steps') %}
{{ config(
    materialized='incremental',
    unique_key=['funnel_date', 'step'],
    on_schema_change='fail',
    enabled=steps | length > 1,
    indexes=source_amplitude.in_postgres([{'columns': ['funnel_date']}]),
) }}

with counted as (
  select
    funnel_date,
    {%- for step in steps %}
    sum(case when steps_reached >= {{ loop.index }} then 1 else 0 end) as users_{{ loop.index }},
    {%- endfor %}
    max(load_number) as load_number
  from {{ ref('int_amplitude__user_funnels') }}
  {%- if is_incremental() %}
  where funnel_date in (
    select funnel_date from {{ ref('int_amplitude__user_funnels') }} where load_number > {{ source_amplitude.last_load(this) }}
  )
  {%- endif %}
  group by funnel_date
)
{% for step in steps %}
select
  funnel_date,
  {{ loop.index }} as step,
  {{ source_amplitude.text(step) }} as event_type,
  users_{{ loop.index }} as users,
  users_{{ loop.index }} / cast(users_1 as {{ source_amplitude.type_number() }}) as share_of_first,
  users_{{ loop.index }} / cast(nullif(users_{{ loop.index0 or 1 }}, 0) as {{ source_amplitude.type_number() }}) as share_of_previous,
  load_number
from counted
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
