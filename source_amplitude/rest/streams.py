"""All streams of these APIs."""

from __future__ import annotations

from source_amplitude.config import Config
from source_amplitude.rest.annotations import AnnotationCategories, Annotations
from source_amplitude.rest.budget import rest_budget
from source_amplitude.rest.cohort_members import CohortMembers
from source_amplitude.rest.cohorts import Cohorts
from source_amplitude.rest.dashboard import (
    ActiveUsers,
    AverageSessionLength,
    EventsList,
    NewUsers,
    SessionLengthDistribution,
    SessionsPerUser,
)
from source_amplitude.rest.stream import RestStream
from source_amplitude.rest.taxonomy import (
    TaxonomyCategories,
    TaxonomyEventProperties,
    TaxonomyEvents,
    TaxonomyUserProperties,
)

REST_STREAMS: tuple[type[RestStream], ...] = (
    EventsList,
    Cohorts,
    CohortMembers,
    Annotations,
    AnnotationCategories,
    ActiveUsers,
    NewUsers,
    AverageSessionLength,
    SessionsPerUser,
    SessionLengthDistribution,
    TaxonomyEvents,
    TaxonomyEventProperties,
    TaxonomyUserProperties,
    TaxonomyCategories,
)


def rest_streams(config: Config, *, in_batches: bool) -> list[RestStream]:
    """The streams of one sync, which share one budget."""
    budget = rest_budget()
    return [stream(config, budget, in_batches=in_batches) for stream in REST_STREAMS]
