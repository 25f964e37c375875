{% if source_amplitude.is_loaded('new_users') -%}
with days as (
  {{ source_amplitude.staged('new_users', ['date'], {'date': 'date', 'statistics': 'json'}) }}
)
{{ source_amplitude.numbers_of('days', source_amplitude.column('date'), 'statistics') }}
{%- else -%}
{{ source_amplitude.staged('new_users', ['date'], {'date': 'date', 'segment': 'string', 'users': 'integer'}) }}
{%- endif %}
