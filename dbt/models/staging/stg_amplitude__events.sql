{{ config(
    materialized='incremental',
    incremental_strategy=source_amplitude.appending(),
    on_schema_change='append_new_columns',
    partition_by={'field': 'server_upload_time', 'data_type': 'timestamp'} if target.type == 'bigquery' else none,
    cluster_by=['load_number'] if target.type in ('bigquery', 'snowflake') else none,
    indexes=source_amplitude.in_postgres([{'columns': ['uuid']}, {'columns': ['server_upload_time']}, {'columns': ['load_number']}, {'columns': ['amplitude_id', 'event_date']}]),
    post_hook=source_amplitude.analyzed(),
) }}

{%- set columns = {
    'event_type': 'string', 'event_time': 'timestamp', 'amplitude_id': 'integer', 'user_id': 'string',
    'device_id': 'string', 'session_id': 'integer', 'event_id': 'integer', 'client_event_time': 'timestamp',
    'client_upload_time': 'timestamp', 'server_received_time': 'timestamp', 'processed_time': 'timestamp',
    'user_creation_time': 'timestamp', 'app': 'integer', '$insert_id': 'string', 'amplitude_event_type': 'string',
    'amplitude_attribution_ids': 'string', 'is_attribution_event': 'boolean', 'data_type': 'string',
    'platform': 'string', 'os_name': 'string', 'os_version': 'string', 'version_name': 'string',
    'start_version': 'string', 'library': 'string', 'source_id': 'string', 'partner_id': 'string',
    'device_brand': 'string', 'device_carrier': 'string', 'device_family': 'string',
    'device_manufacturer': 'string', 'device_model': 'string', 'device_type': 'string', 'adid': 'string',
    'idfa': 'string', 'ip_address': 'string', 'country': 'string', 'region': 'string', 'city': 'string',
    'dma': 'string', 'location_lat': 'number', 'location_lng': 'number', 'language': 'string', 'paying': 'boolean',
    'sample_rate': 'number', 'event_properties': 'json', 'user_properties': 'json', 'groups': 'json',
    'group_properties': 'json', 'global_user_properties': 'json', 'data': 'json', 'plan': 'json',
    'additional_fields': 'json',
} %}

{%- if is_incremental() %}
  {%- set load_number = source_amplitude.last_load(this) + 1 %}
  {%- set again_from = source_amplitude.read_again_from(this) %}
{%- else %}
  {%- set load_number = 1 %}
{%- endif %}

with loaded as (
  select
    cast({{ source_amplitude.loaded_column('uuid') }} as {{ dbt.type_string() }}) as uuid,
    {{ source_amplitude.utc_timestamp(source_amplitude.loaded_column('server_upload_time')) }} as server_upload_time,
    {%- for name, type in columns.items() %}
    {{ source_amplitude.typed_column(name, type) }} as {{ source_amplitude.column(name | replace('$', '')) }},
    {%- endfor %}
    {{ source_amplitude.as_type(source_amplitude.json_value(source_amplitude.loaded_column('data'), 'merged_amplitude_id'), 'integer') }} as merged_amplitude_id
    {{- source_amplitude.property_columns('event_properties', var('amplitude_event_properties')) }}
    {{- source_amplitude.property_columns('user_properties', var('amplitude_user_properties'), prefix='user_') }},
    row_number() over (
      partition by {{ source_amplitude.loaded_column('uuid') }}
      order by {{ source_amplitude.loaded_column('processed_time') }} desc
    ) as copy
  from {{ source('amplitude', 'events') }}
  where {{ source_amplitude.loaded_column('uuid') }} is not null
  {%- if is_incremental() %}
    and {{ source_amplitude.loaded_column('server_upload_time') }} >= '{{ again_from }}Z'
  {%- endif %}
)

select
  loaded.uuid,
  loaded.server_upload_time,
  {{ source_amplitude.project_date('loaded.event_time') }} as event_date,
  {%- for name in columns %}
  loaded.{{ source_amplitude.column(name | replace('$', '')) }},
  {%- endfor %}
  loaded.merged_amplitude_id,
  {%- for property in var('amplitude_event_properties') %}
  loaded.{{ source_amplitude.column(source_amplitude.property_alias(property)) }},
  {%- endfor %}
  {%- for property in var('amplitude_user_properties') %}
  loaded.{{ source_amplitude.column('user_' ~ source_amplitude.property_alias(property)) }},
  {%- endfor %}
  cast({{ load_number }} as {{ dbt.type_bigint() }}) as load_number
from loaded
{%- if is_incremental() %}
left join {{ this }} as held
  on held.uuid = loaded.uuid
  and held.server_upload_time >= cast('{{ again_from }}' as {{ source_amplitude.type_utc_timestamp() }})
{%- endif %}
where loaded.copy = 1
{%- if is_incremental() %}
  and held.uuid is null
{%- endif %}
