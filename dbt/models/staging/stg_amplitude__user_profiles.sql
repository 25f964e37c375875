{{ source_amplitude.staged('user_profiles', ['user_id'], {
    'user_id': 'string', 'device_id': 'string', 'amp_props': 'json', 'cohort_ids': 'json', 'recommendations':
    'json', 'computations': 'json', 'propensities': 'json', 'propensity': 'number', 'additional_fields':
    'json',
}) }}
