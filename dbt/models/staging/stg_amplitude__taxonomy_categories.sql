{{ source_amplitude.staged('taxonomy_categories', ['id'], {
    'id': 'integer', 'name': 'string', 'additional_fields': 'json',
}) }}
