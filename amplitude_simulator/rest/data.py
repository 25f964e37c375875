"""What a simulated project holds for these endpoints, and which of several observed shapes its answers have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal


@dataclass(frozen=True)
class Cohort:
    """A cohort and how the download of its members behaves.

    :param size: how many members its file has; at Amplitude two million at most
    :param group: "User", or the group type of a cohort of groups
    :param polls: how often a job is still in progress when it is asked for
    :param failed_jobs: how many of its jobs fail, from the first on
    :param encoding: the file as text, or gzipped with or without the header that says so
    :param in_storage: the file comes by a redirect to another host, as large ones do
    :param fields: fields of the cohort in the list that differ from the usual
    """

    id: str
    name: str = "Repeat buyers"
    size: int = 20
    group: str = "User"
    polls: int = 1
    failed_jobs: int = 0
    encoding: Literal["plain", "gzip", "gzip without a header"] = "plain"
    in_storage: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


COHORTS = (
    Cohort("k2m9xq7", "Repeat buyers"),
    Cohort("p8w3rt1", "Früh 🌅", 12, encoding="gzip", fields={"appId": "123456", "type": "manual_upload"}),
    Cohort("z5n4bc6", "Large", 30, in_storage=True, fields={"lastMod": 1748860012345, "metadata": ["a"]}),
)
EVENT_TYPES = ("checkout", "search", "page viewed")


@dataclass(frozen=True, kw_only=True)
class RestData:
    """The tables of a project.

    :param numbers: of days: invented, so that there may be some before the first event, or counted from the events
    :param first_day: the first day with invented numbers; None: the day of the first event
    :param utc_offset_hours: where the days of the project's time zone begin
    :param countries: the groups of `g=country`; empty: no event has ever had that property
    :param group_labels: where the labels of groups are: in `seriesLabels` (seen live) or in `seriesMeta` (documented)
    :param hidden_countries: how many of the countries the answer leaves out
    :param missing: endpoints that the plan lacks: the beginning of a path, and the status that it answers with
    :param starter: a Starter plan, whose lists of cohorts and annotations are empty
    :param quota_shape: the form of the answer on the monthly quota; None: 404
    :param quota_used: how many downloads of cohorts have been used up this month
    :param cost_limit: how much cost is served within `window_seconds`
    :param taxonomy_limit: the same for taxonomy, within an hour that has `taxonomy_window_seconds`
    :param job_starts_limit: how many downloads of cohorts are started within two such windows
    :param link_seconds: how long an address in the storage is valid
    :param relative_links: such an address is relative to that of the request, as a Location may be
    """

    numbers: Literal["invented", "counted"] = "invented"
    first_day: date | None = None
    utc_offset_hours: int = 0
    countries: Sequence[str] = ("Spain", "Chile", "(none)")
    group_labels: Literal["seriesLabels", "seriesMeta"] = "seriesLabels"
    event_types: Sequence[str] = EVENT_TYPES
    unknown_event_types: Sequence[str] = ()
    annotations: int = 4
    category_name: Literal["name", "category"] = "name"
    cohorts: Sequence[Cohort] = COHORTS
    missing: Mapping[str, int] = field(default_factory=dict)
    starter: bool = False
    quota_shape: Literal["rest_download", "count"] | None = "rest_download"
    quota_used: int = 12
    cost_limit: int = 1000
    window_seconds: float = 300.0
    taxonomy_limit: int = 7200
    taxonomy_window_seconds: float = 3600.0
    job_starts_limit: int = 60
    link_seconds: float = 60.0
    relative_links: bool = False
