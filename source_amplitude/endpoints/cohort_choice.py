"""Chooses the cohorts whose members are read, and checks how much of the monthly quota that takes.

Facts from https://amplitude.com/docs/apis/analytics/behavioral-cohorts
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from source_amplitude.errors import ConfigError, UnexpectedError

USERS_GROUP = "User"


class Quota(NamedTuple):
    """Counts how many downloads of cohorts a month has, and how many of them are used up."""

    limit: int
    used: int


def read_quota(answer: Mapping[str, Any]) -> Quota | None:
    """Reads the quota, in any of the forms that were seen of its answer; None for others."""
    inner = answer.get("rest_download")
    quota = inner if isinstance(inner, Mapping) else answer
    limit, used = quota.get("limit"), quota.get("usage", quota.get("count"))
    return Quota(limit, used) if isinstance(limit, int) and isinstance(used, int) else None


def check_quota(quota: Quota | None, needed: int, logger: logging.Logger) -> None:
    """Logs how much of the month's quota a sync will use and leave.

    :raises ConfigError: it is not enough
    """
    if quota is None:
        logger.info(f"cohort_members: this sync uses {needed} of the month's downloads; how many are left is unknown")
        return
    left = max(0, quota.limit - quota.used)
    if needed > left:
        raise ConfigError(
            f"The month's quota of cohort downloads is not enough for the stream cohort_members: {needed} are needed, "
            f"{left} of {quota.limit} are left. Choose fewer cohorts, or wait for the first of the month (UTC)."
        )
    logger.info(
        f"cohort_members: this sync uses {needed} of the month's {quota.limit} downloads of cohorts; "
        f"{quota.used} were used before it, {left - needed} are left after it"
    )


def oldest_cohorts(listed: Sequence[Mapping[str, Any]], max_cohorts: int, logger: logging.Logger) -> list[str]:
    """Returns the ids of the cohorts of users, up to so many, the oldest first; a warning names what is left out.

    :param listed: the project's cohorts
    :raises UnexpectedError: none of them has an id
    """
    of_users = [cohort for cohort in listed if _group(cohort) == USERS_GROUP]
    if len(of_users) < len(listed):
        logger.warning(f"cohort_members: left out are cohorts of groups, not users: {len(listed) - len(of_users)}")
    ordered = sorted((_created_at(cohort), str(cohort["id"])) for cohort in of_users if _has_id(cohort))
    if of_users and not ordered:
        raise UnexpectedError(
            f"None of the {len(of_users):,} cohorts that Amplitude lists has an id. Nothing was read; report it, since "
            "Amplitude may have changed."
        )
    if len(ordered) < len(of_users):
        logger.warning(f"cohort_members: left out are cohorts without an id: {len(of_users) - len(ordered)}")
    if len(ordered) > max_cohorts:
        logger.warning(
            f"cohort_members: the oldest {max_cohorts} of {len(ordered)} cohorts are read, as max_cohorts says"
        )
    return [cohort_id for _, cohort_id in ordered[:max_cohorts]]


def _has_id(cohort: Mapping[str, Any]) -> bool:
    return isinstance(cohort["id"], str | int) and cohort["id"] != ""


def _created_at(cohort: Mapping[str, Any]) -> float:
    created_at = cohort.get("createdAt")
    return created_at if isinstance(created_at, int | float) else 0


def _group(cohort: Mapping[str, Any]) -> str:
    definition = cohort.get("definition")
    count_group = definition.get("countGroup") if isinstance(definition, Mapping) else None
    return str(count_group.get("name") or USERS_GROUP) if isinstance(count_group, Mapping) else USERS_GROUP
