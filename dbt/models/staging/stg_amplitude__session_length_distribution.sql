{{ source_amplitude.staged('session_length_distribution', ['date', 'bucket'], {
    'date': 'date', 'bucket': 'string', 'count': 'integer', 'additional_fields': 'json',
}) }}
