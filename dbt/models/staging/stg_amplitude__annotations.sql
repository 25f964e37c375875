{{ source_amplitude.staged('annotations', ['id'], {
    'id': 'integer', 'date': 'date', 'label': 'string', 'details': 'string', 'start': 'timestamp', 'end':
    'timestamp', 'category': 'json', 'chart_id': 'string', 'additional_fields': 'json',
}, renamed={'start': 'starts_at', 'end': 'ends_at'}) }}
