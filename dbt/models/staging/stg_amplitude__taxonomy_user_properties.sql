{{ source_amplitude.staged('taxonomy_user_properties', ['user_property'], {
    'user_property': 'string', 'description': 'string', 'type': 'string', 'enum_values': 'json', 'regex':
    'string', 'is_array_type': 'boolean', 'is_hidden': 'boolean', 'classifications': 'json', 'deleted':
    'boolean', 'additional_fields': 'json',
}) }}
