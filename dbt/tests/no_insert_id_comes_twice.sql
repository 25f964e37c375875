{#- Amplitude drops an event that a device sends again within seven days, by its insert_id: the same one under two uuids
    is an event that came twice. #}
select device_id, insert_id, event_type, count(*) as events
from {{ ref('stg_amplitude__events') }}
where insert_id is not null and device_id is not null
  and {{ source_amplitude.newest_days(ref('stg_amplitude__events'), 'server_upload_time') }}
group by device_id, insert_id, event_type
having count(*) > 1
