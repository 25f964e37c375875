"""Finds choices that are allowed and lead to nothing, so that `check` can warn before `read` refuses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from source_amplitude.config.model import Config


def doubtful_choices(raw: Mapping[str, Any], config: Config, now: datetime) -> Iterator[str]:
    """Yields a sentence for each choice that leads to nothing. It quotes no value of the configuration but a date.

    :param raw: the configuration that `config` was made of, migrated
    """
    users = (raw.get("user_profiles") or {}).get("users") or {}
    if users.get("selection") == "listed" and config.user_profiles.users is None:
        yield (
            "user_profiles.users lists no users: the stream user_profiles will be refused. "
            "Name some in user_ids or device_ids, choose active users, or leave the stream out."
        )
    cohorts = (raw.get("cohort_members") or {}).get("cohorts") or {}
    if cohorts.get("selection") == "listed" and config.cohort_members.cohorts is None:
        yield (
            "cohort_members.cohorts lists no cohorts: the stream cohort_members will be refused. "
            "Name some in cohort_ids, choose all cohorts, or leave the stream out."
        )
    if config.start is not None and config.start > now:
        yield f"start_date is in the future, {config.start:%Y-%m-%d}: no events and no days will be read before it."
