{{ config(enabled=('event_totals' in var('amplitude_streams'))) }}

{#- As many events are loaded of each whole day as Amplitude counts, within the tolerance: docs/completeness.md. #}
with whole as (
  select {{ source_amplitude.column('date') }} as event_date, events, events_counted, events_difference
  from {{ ref('amplitude__daily') }}
  where is_loaded_whole and events_counted is not null
)

select *
from whole
where event_date > (select {{ source_amplitude.days_later('max(event_date)', -var('amplitude_completeness_days')) }} from whole)
  and abs(events_difference) > {{ var('amplitude_completeness_tolerance') }} * events_counted
