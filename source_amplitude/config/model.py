"""Types the form's values, migrated and validated once. Everything downstream takes a `Config`, not a dict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from source_amplitude.config.dates import check_range, end_hour, hours_to_skip, start_of
from source_amplitude.config.form import connection_specification, migrate, validate
from source_amplitude.errors import ConfigError
from source_amplitude.http.hosts import Region, api_url

DEFAULT_DAYS = 30
# Amplitude was founded in 2012: hours before it hold nothing, and would cost an export for each day.
FIRST_YEAR = datetime(2012, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class ListedUsers:
    """Selects users by their ids, each once, in order."""

    user_ids: tuple[str, ...]
    device_ids: tuple[str, ...]


@dataclass(frozen=True)
class ActiveUsers:
    """Selects everyone seen in the events of the last `lookback_days` days."""

    lookback_days: int


@dataclass(frozen=True)
class UserProfilesConfig:
    """Selects users and parts of their profiles; `users` is None where the configuration chooses nobody."""

    users: ListedUsers | ActiveUsers | None = None
    get_amp_props: bool = True
    get_cohort_ids: bool = False
    get_computations: bool = False
    recommendation_ids: tuple[str, ...] = ()
    prediction_ids: tuple[str, ...] = ()
    propensity_type: Literal["score", "pct"] = "score"
    requests_per_minute: int = 600


@dataclass(frozen=True)
class ListedCohorts:
    """Selects cohorts by their ids, each once, in order."""

    cohort_ids: tuple[str, ...]


@dataclass(frozen=True)
class AllCohorts:
    """Selects all cohorts of the project; the oldest ones, where there are more than `max_cohorts`."""

    max_cohorts: int


@dataclass(frozen=True)
class CohortMembersConfig:
    """Selects cohorts and properties of their members; `cohorts` is None where the configuration chooses none."""

    cohorts: ListedCohorts | AllCohorts | None = None
    user_properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """Holds a valid configuration. The keys stay out of its `repr`."""

    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: Region = "US"
    start: datetime | None = None
    end: datetime | None = None
    """The last hour of events to read, and with its day the last day of numbers; None: all that are complete."""
    skip_hours: frozenset[datetime] = frozenset()
    """Hours of events to leave out."""
    batch_size_hours: int = 24
    export_delay_hours: int = 2
    lookback_hours: int = 0
    num_workers: int = 3
    properties_format: Literal["json_string", "object"] = "json_string"
    active_users_group_by_country: bool = True
    user_profiles: UserProfilesConfig = field(default_factory=UserProfilesConfig)
    cohort_members: CohortMembersConfig = field(default_factory=CohortMembersConfig)

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Config:
        """Makes the typed configuration; fields of the official connector are accepted.

        :raises ConfigError: with a sentence that names the field and what is allowed
        """
        config = migrate(raw)
        validate(config, connection_specification())
        start, end = start_of(config.get("start_date")), end_hour(config.get("end_date"))
        check_range(start, end)
        made = {
            "api_key": _key(config, "api_key"),
            "secret_key": _key(config, "secret_key"),
            "start": start,
            "end": end,
            "skip_hours": hours_to_skip(_entries(config.get("skip_hours"))),
            "user_profiles": _user_profiles(config.get("user_profiles") or {}),
            "cohort_members": _cohort_members(config.get("cohort_members") or {}),
        }
        return cls(**{**_fields_of(cls, config), **made})

    @property
    def json_columns_as_string(self) -> bool:
        return self.properties_format == "json_string"

    @property
    def api_url(self) -> str:
        return api_url(self.region)

    def beginning(self, resume_at: datetime | None, now: datetime) -> tuple[datetime, str]:
        """Returns the first hour that `events` reads, and the reason for it, in words for a log.

        A `start_date` later than the state wins, an earlier one does not reset it. The default of 30 days applies to a
        first sync only: a connection that paused for longer must not lose what lies between.

        :param resume_at: the first hour not yet emitted, by the state; None on a first sync
        """
        if resume_at is None:
            first, reason = now - timedelta(days=DEFAULT_DAYS), f"{DEFAULT_DAYS} days back, since no start_date is set"
        else:
            first, reason = resume_at - timedelta(hours=self.lookback_hours), "from the state"
            if self.lookback_hours:
                reason += f", {self.lookback_hours:,} hours before it"
        if self.start and (resume_at is None or self.start > first):
            first, reason = self.start, "from start_date"
        if first < FIRST_YEAR:
            first, reason = FIRST_YEAR, f"Amplitude's first year, not {first.year}"
        return first, reason


def _fields_of(kind: type[Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Selects the fields of a class that a configuration has; the others keep their defaults."""
    return {each.name: raw[each.name] for each in fields(kind) if each.name in raw}


def _key(config: Mapping[str, Any], name: str) -> str:
    key = str(config[name]).strip()
    if not key:
        raise ConfigError(f"Config validation error: {name} must not be empty.")
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"Config validation error: {name} holds characters that no Amplitude key has.")
    return key


def _user_profiles(raw: Mapping[str, Any]) -> UserProfilesConfig:
    made = {name: _entries(raw.get(name)) for name in ("recommendation_ids", "prediction_ids")}
    return UserProfilesConfig(**{**_fields_of(UserProfilesConfig, raw), **made, "users": _users(raw.get("users"))})


def _users(raw: Mapping[str, Any] | None) -> ListedUsers | ActiveUsers | None:
    if not raw:
        return None
    if raw["selection"] == "active":
        return ActiveUsers(lookback_days=raw.get("lookback_days", 7))
    listed = ListedUsers(_entries(raw.get("user_ids")), _entries(raw.get("device_ids")))
    return listed if listed.user_ids or listed.device_ids else None


def _cohort_members(raw: Mapping[str, Any]) -> CohortMembersConfig:
    # The names of properties may hold commas, so an entry is one name.
    names = (name.strip() for name in raw.get("user_properties") or ())
    return CohortMembersConfig(
        cohorts=_cohorts(raw.get("cohorts")), user_properties=tuple(dict.fromkeys(name for name in names if name))
    )


def _cohorts(raw: Mapping[str, Any] | None) -> ListedCohorts | AllCohorts | None:
    if not raw:
        return None
    if raw["selection"] == "all":
        return AllCohorts(max_cohorts=raw.get("max_cohorts", 16))
    listed = ListedCohorts(_entries(raw.get("cohort_ids")))
    return listed if listed.cohort_ids else None


def _entries(raw: list[str] | None) -> tuple[str, ...]:
    """Splits the entries of a list at their commas: without blanks, each once, in order."""
    parts = (part.strip() for entry in raw or () for part in entry.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))
