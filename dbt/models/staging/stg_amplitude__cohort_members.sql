{{ source_amplitude.staged('cohort_members', ['cohort_id', 'amplitude_id'], {
    'cohort_id': 'string', 'amplitude_id': 'integer', 'user_id': 'string', 'properties': 'json',
}) }}
