{# What is tested of large models: the newest days. #}
{% macro newest_days(relation, column) -%}
  {{ column }} >= (select {{ source_amplitude.hours_later('max(' ~ column ~ ')', -24 * var('amplitude_test_days')) }} from {{ relation }})
{%- endmacro %}


{# No value comes twice among the events of the newest days. #}
{% test unique_among_newest(model, column_name) %}
select {{ column_name }}, count(*) as copies
from {{ model }}
where {{ source_amplitude.newest_days(model, 'server_upload_time') }}
group by {{ column_name }}
having count(*) > 1
{% endtest %}


{% test unique_together(model, columns) %}
select {{ columns | join(', ') }}, count(*) as copies
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}


{% test in_range(model, column_name, at_least=none, at_most=none) %}
select {{ column_name }}
from {{ model }}
where 1 = 0
{%- if at_least is not none %} or {{ column_name }} < {{ at_least }}{% endif %}
{%- if at_most is not none %} or {{ column_name }} > {{ at_most }}{% endif %}
{% endtest %}
