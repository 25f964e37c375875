{#- What is loaded of the newest days is staged, and so is what is older: otherwise history was loaded again from an
    earlier start, or hours came later than `amplitude_lookback_hours` reaches. A build with --full-refresh takes it in. #}
with loaded as (
  select
    {{ source_amplitude.loaded_column('uuid') }} as uuid,
    {{ source_amplitude.utc_timestamp(source_amplitude.loaded_column('server_upload_time')) }} as server_upload_time
  from {{ source('amplitude', 'events') }}
),

missing as (
  select loaded.uuid, loaded.server_upload_time
  from loaded
  left join {{ ref('stg_amplitude__events') }} as staged on staged.uuid = loaded.uuid
  where staged.uuid is null
    and {{ source_amplitude.newest_days('loaded', 'loaded.server_upload_time') }}
)

select uuid, server_upload_time from missing
union all
select null as uuid, first_upload_time as server_upload_time
from (select min(server_upload_time) as first_upload_time from loaded) as of_loaded
where first_upload_time < (select min(server_upload_time) from {{ ref('stg_amplitude__events') }})
