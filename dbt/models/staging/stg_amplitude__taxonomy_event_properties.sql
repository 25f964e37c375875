{{ source_amplitude.staged('taxonomy_event_properties', ['event_type', 'event_property'], {
    'event_type': 'string', 'event_property': 'string', 'description': 'string', 'type': 'string',
    'enum_values': 'json', 'regex': 'string', 'is_array_type': 'boolean', 'is_hidden': 'boolean',
    'classifications': 'json', 'is_required': 'boolean', 'additional_fields': 'json',
}) }}
