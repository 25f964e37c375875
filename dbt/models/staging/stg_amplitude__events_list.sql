{{ source_amplitude.staged('events_list', ['value'], {
    'id': 'integer', 'value': 'string', 'name': 'string', 'display': 'string', 'totals': 'number',
    'totals_delta': 'number', 'non_active': 'boolean', 'deleted': 'boolean', 'hidden': 'boolean',
    'autohidden': 'boolean', 'flow_hidden': 'boolean', 'timeline_hidden': 'boolean', 'clusters_hidden':
    'boolean', 'in_waitroom': 'boolean', 'waitroom_approved': 'boolean', 'additional_fields': 'json',
}) }}
