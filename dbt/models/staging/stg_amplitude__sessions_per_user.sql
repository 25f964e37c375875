{{ source_amplitude.staged('sessions_per_user', ['date'], {
    'date': 'date', 'avg_sessions': 'number', 'additional_fields': 'json',
}) }}
