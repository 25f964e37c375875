{{ source_amplitude.staged('annotation_categories', ['id'], {
    'id': 'integer', 'name': 'string', 'additional_fields': 'json',
}) }}
