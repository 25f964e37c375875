{{ source_amplitude.staged('taxonomy_events', ['event_type'], {
    'event_type': 'string', 'category': 'json', 'description': 'string', 'display_name': 'string',
    'is_active': 'boolean', 'is_hidden_from_dropdowns': 'boolean', 'is_hidden_from_persona_results':
    'boolean', 'is_hidden_from_pathfinder': 'boolean', 'is_hidden_from_timeline': 'boolean', 'tags': 'json',
    'owner': 'string', 'additional_fields': 'json',
}) }}
