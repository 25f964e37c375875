"""Lists the endpoints: each of them is a stream of Airbyte and a table of Spark."""

from __future__ import annotations

from source_amplitude.endpoints.annotations import AnnotationCategories, Annotations
from source_amplitude.endpoints.cohorts import CohortMembers, Cohorts
from source_amplitude.endpoints.dashboard import (
    ActiveUsers,
    AverageSessionLength,
    EventsList,
    EventTotals,
    NewUsers,
    SessionLengthDistribution,
    SessionsPerUser,
)
from source_amplitude.endpoints.endpoint import Endpoint
from source_amplitude.endpoints.taxonomy import (
    TaxonomyCategories,
    TaxonomyEventProperties,
    TaxonomyEvents,
    TaxonomyUserProperties,
)

ENDPOINTS: tuple[type[Endpoint], ...] = (
    EventsList,
    Cohorts,
    CohortMembers,
    Annotations,
    AnnotationCategories,
    EventTotals,
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
