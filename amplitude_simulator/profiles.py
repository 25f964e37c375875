"""The User Profile API: `GET /v1/userprofile?user_id=...`, as Amplitude documents it.

Source of the facts: https://amplitude.com/docs/apis/analytics/user-profile
"""

import json
import threading
from collections import deque
from hashlib import blake2b
from typing import Any

from amplitude_simulator.export import Answer
from amplitude_simulator.project import Project

PROFILE_PATH = "/v1/userprofile"
TOO_MANY = "Number of requests per minute exceeds system limit. Contact us at https://support.amplitude.com to discuss."
NOT_SEEN = "User id and device id not seen before"


class Profiles:
    """Answers profile requests, within the organization's limit of the last minute."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._counted: deque[float] = deque()
        self._lock = threading.Lock()

    def answer(self, params: dict[str, str], authorization: str | None, at: float) -> Answer:
        """The answer to a request that came in at `at` (monotonic seconds)."""
        project = self._project
        if not (authorization or "").startswith("Api-Key "):
            return _error(401, "Missing Api-Key in Authorization header")
        if authorization != f"Api-Key {getattr(project, project.profile_key, None)}":
            return _error(401, "Invalid Api-Key")
        if not self._is_within_limit(at):
            return _error(429, TOO_MANY)
        user_id, device_id = params.get("user_id"), params.get("device_id")
        if not (user_id or device_id):
            return _error(400, "User id or device id is required")
        if user_id in project.unknown_users or (not user_id and device_id in project.unknown_users):
            return _error(project.unknown_user_status, NOT_SEEN)
        body = {"userData": a_profile(user_id, device_id, params)}
        return Answer(200, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})

    def _is_within_limit(self, at: float) -> bool:
        """Requests that are refused do not count."""
        with self._lock:
            while self._counted and self._counted[0] <= at - self._project.minute_seconds:
                self._counted.popleft()
            if len(self._counted) + self._project.used_by_another_tool >= self._project.profiles_per_minute:
                return False
            self._counted.append(at)
            return True


def a_profile(user_id: str | None, device_id: str | None, params: dict[str, str]) -> dict[str, Any]:
    """What Amplitude knows of a user, in the parts asked for."""
    number = int.from_bytes(blake2b(f"{user_id}/{device_id}".encode(), digest_size=4).digest(), "big")
    profile: dict[str, Any] = {
        "user_id": user_id,
        "device_id": device_id or f"{number:08X}-F01A-4BD9-95C6-8E5357DF265D",
        "amp_props": None,
        "cohort_ids": None,
        "recommendations": None,
    }
    if params.get("get_amp_props") == "true":
        profile["amp_props"] = {
            "plan": "business 🚀",
            "city": "São Paulo",
            "account number": 10**18 + number,
            "lifetime value": 1234.5,
            "settings": {"theme": "dark", "push": False},
        }
    if params.get("get_computations") == "true":
        profile["amp_props"] = {**(profile["amp_props"] or {}), "orders in 30 days": number % 50}
    if params.get("get_cohort_ids") == "true":
        profile["cohort_ids"] = ["cohort-a", f"cohort-{number % 7}"]
    if params.get("get_recs") == "true":
        profile["recommendations"] = [
            {"rec_id": rec_id, "child_rec_id": rec_id, "items": ["soap", "straße"], "is_control": False}
            for rec_id in params["rec_id"].split(",")
        ]
    if params.get("get_propensity") == "true":
        kind = params.get("propensity_type", "score")
        profile["propensities"] = [
            {"prop": number % 100, "pred_id": pred_id, "prop_type": kind}
            for pred_id in params["prediction_id"].split(",")
        ]
        profile["propensity"] = number % 100
    return profile


def _error(status: int, text: str) -> Answer:
    return Answer(status, json.dumps({"error": text}).encode(), {"Content-Type": "application/json"})
