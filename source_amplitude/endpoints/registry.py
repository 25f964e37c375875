"""Lists the endpoints: each of them is a stream of Airbyte and a table of Spark."""

from source_amplitude.endpoints import annotations, cohorts, dashboard, taxonomy
from source_amplitude.endpoints.endpoint import Endpoint

ENDPOINTS: tuple[type[Endpoint], ...] = (
    dashboard.EventsList,
    cohorts.Cohorts,
    cohorts.CohortMembers,
    annotations.Annotations,
    annotations.AnnotationCategories,
    dashboard.EventTotals,
    dashboard.ActiveUsers,
    dashboard.NewUsers,
    dashboard.AverageSessionLength,
    dashboard.SessionsPerUser,
    dashboard.SessionLengthDistribution,
    taxonomy.TaxonomyEvents,
    taxonomy.TaxonomyEventProperties,
    taxonomy.TaxonomyUserProperties,
    taxonomy.TaxonomyCategories,
)
