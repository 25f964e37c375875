{{ source_amplitude.staged('event_totals', ['date'], {
    'date': 'date', 'totals': 'integer', 'additional_fields': 'json',
}) }}
