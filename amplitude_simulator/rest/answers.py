"""How these endpoints answer: JSON, and errors in the one shape that was observed."""

import json
from typing import Any

from amplitude_simulator.export import Answer

JSON = {"Content-Type": "application/json"}


def as_json(body: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), dict(JSON))


def error(status: int, message: str, details: str, kind: str = "invalid") -> Answer:
    told = {"http_code": status, "type": kind, "message": message, "metadata": {"details": details}}
    return as_json({"error": told}, status)
