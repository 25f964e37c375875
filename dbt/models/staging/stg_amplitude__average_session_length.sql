{{ source_amplitude.staged('average_session_length', ['date'], {
    'date': 'date', 'length': 'number', 'additional_fields': 'json',
}) }}
