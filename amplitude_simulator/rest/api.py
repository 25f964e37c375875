"""Which endpoint a request is for, and what stands before it: keys, the plan, the limits."""

from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from urllib.parse import parse_qs, unquote

from amplitude_simulator.export import Answer, is_authorized
from amplitude_simulator.project import Project
from amplitude_simulator.rest.annotations import Annotations
from amplitude_simulator.rest.answers import as_json, error
from amplitude_simulator.rest.cohorts import Cohorts
from amplitude_simulator.rest.dashboard import Dashboard
from amplitude_simulator.rest.limits import MovingWindow, cost_of
from amplitude_simulator.rest.storage import Storage
from amplitude_simulator.rest.taxonomy import Taxonomy

TAXONOMY = "/api/2/taxonomy/"
JOB_START = "/api/5/cohorts/request/*"
JOB_FILE = "/api/5/cohorts/request/*/file"


class Rest:
    """Answers requests to all of these endpoints, within their limits."""

    def __init__(self, project: Project, now: Callable[[], datetime], storage: Storage) -> None:
        self._project = project
        data = project.rest
        self.storage = storage
        self.dashboard = Dashboard(project, now)
        self.cohorts = Cohorts(project, self.storage)
        self._annotations = Annotations(project)
        self._taxonomy = Taxonomy(project)
        self._common = MovingWindow(data.cost_limit, data.window_seconds)
        self._of_taxonomy = MovingWindow(data.taxonomy_limit, data.taxonomy_window_seconds)
        self._job_starts = MovingWindow(data.job_starts_limit, 2 * data.window_seconds)
        dashboard, annotations, taxonomy, cohorts = self.dashboard, self._annotations, self._taxonomy, self.cohorts
        self._endpoints: dict[str, Callable[[dict[str, str], str, str], Answer]] = {
            "/api/2/events/list": lambda *_: dashboard.events(),
            "/api/2/events/segmentation": lambda params, *_: dashboard.event_totals(params),
            "/api/2/users": lambda params, *_: dashboard.users(params),
            "/api/2/sessions/average": lambda params, *_: dashboard.average_session_length(params),
            "/api/2/sessions/peruser": lambda params, *_: dashboard.sessions_per_user(params),
            "/api/2/sessions/length": lambda params, *_: dashboard.session_length_distribution(params),
            "/api/2/annotations": lambda *_: annotations.legacy(),
            "/api/3/annotations": lambda *_: annotations.listed(),
            "/api/3/annotation-categories": lambda *_: annotations.categories(),
            "/api/3/cohorts": lambda params, *_: cohorts.listed(params),
            "/api/3/cohorts/usage": lambda *_: cohorts.usage(),
            JOB_FILE: lambda _, part, __: cohorts.file(part),
            "/api/5/cohorts/request-status/*": lambda _, part, __: cohorts.job_status(part),
            JOB_START: lambda _, part, query: cohorts.start_job(part, parse_qs(query).get("propKeys", [])),
            f"{TAXONOMY}category": lambda *_: taxonomy.categories(),
            f"{TAXONOMY}event": lambda params, *_: taxonomy.events(params),
            f"{TAXONOMY}event-property": lambda params, *_: taxonomy.event_properties(params),
            f"{TAXONOMY}user-property": lambda params, *_: taxonomy.user_properties(params),
        }

    def answer(
        self, path: str, query: str, authorization: str | None, at: float, *, is_in_region: bool, too_many: bool
    ) -> Answer:
        """The answer to a request that came in at `at` (monotonic seconds).

        :param too_many: more requests are under way than Amplitude serves at once
        """
        params = {name: values[-1] for name, values in parse_qs(query).items()}
        pattern = next((pattern for pattern in self._endpoints if _is_at(path, pattern)), None)
        if pattern is None:
            return Answer(404, b"Not Found")
        if authorization is None:
            return error(401, "Unauthorized", "No credentials", "unauthorized")
        if not is_in_region or not is_authorized(self._project, authorization):
            return error(403, "Forbidden", "Invalid API Key", "forbidden")
        for beginning, status in self._project.rest.missing.items():
            if path.startswith(beginning):
                return _not_in_the_plan(path, status)
        cost = cost_of(path, params)
        if too_many:
            return _too_much(f"Exceeded concurrent limit with query of cost {cost}")
        limit = self._of_taxonomy if path.startswith(TAXONOMY) else self._common
        if not limit.serves(cost, at):
            return _too_much(f"Exceeded rate limit with query of cost {cost}")
        if pattern == JOB_START and not self._job_starts.serves(1, at):
            return _too_much("Exceeded the limit of cohort requests")
        return self._endpoints[pattern](params, _variable_part(path, pattern), query)


def _is_at(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) and path.count("/") == pattern.count("/")  # a slash in an id is quoted


def _variable_part(path: str, pattern: str) -> str:
    before, _, after = pattern.partition("*")
    return unquote(path[len(before) : len(path) - len(after)])


def _not_in_the_plan(path: str, status: int) -> Answer:
    if status == 404 and path.startswith(TAXONOMY):
        return as_json({"success": False, "errors": [{"message": "Not found"}]}, status)
    message = "Not Found" if status == 404 else "Forbidden"
    return error(status, message, "This feature is not included in your plan", message.lower().replace(" ", "_"))


def _too_much(details: str) -> Answer:
    return error(429, "Too Many Requests", f"Too Many Requests: {details}", "rate_limit")
