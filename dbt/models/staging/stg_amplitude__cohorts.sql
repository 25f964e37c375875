{{ source_amplitude.staged('cohorts', ['id'], {
    'id': 'string', 'appId': 'integer', 'name': 'string', 'description': 'string', 'type': 'string',
    'definition': 'json', 'size': 'integer', 'archived': 'boolean', 'finished': 'boolean', 'published':
    'boolean', 'hidden': 'boolean', 'is_predictive': 'boolean', 'is_official_content': 'boolean', 'owners':
    'json', 'viewers': 'json', 'createdAt': 'integer', 'lastMod': 'integer', 'lastComputed': 'integer',
    'last_viewed': 'integer', 'view_count': 'integer', 'popularity': 'integer', 'metadata': 'json',
    'chart_id': 'string', 'edit_id': 'string', 'location_id': 'string', 'shortcut_ids': 'json',
    'syncMetadata': 'json', 'additional_fields': 'json',
}) }}
