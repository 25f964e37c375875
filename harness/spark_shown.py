"""All that Spark shows of its work: the pages of its UI, its REST API, its event log and other files."""

import json
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

PAGES = ("jobs", "stages", "environment", "executors", "SQL", "StreamingQuery")


def shown_conf(folder: Path) -> dict[str, str]:
    """Let Spark show whatever it can; the event log is in `folder`/log."""
    (folder / "log").mkdir()
    return {
        "spark.ui.enabled": "true",
        "spark.ui.port": "0",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file://{folder}/log",
        "spark.eventLog.compress": "false",
    }


def pages(url: str, *more: str) -> Iterator[str]:
    """What the UI serves of its one application: pages, and its REST API.

    :param more: names of pages beside the usual ones
    """
    [application] = json.loads(_read(f"{url}/api/v1/applications"))
    about = f"{url}/api/v1/applications/{application['id']}"
    addresses = [f"{url}/{page}/" for page in (*PAGES, *more)]
    addresses += [f"{about}/{name}" for name in ("jobs", "stages", "environment", "sql?details=true&length=500")]
    statements = json.loads(_read(f"{about}/sql?length=500"))
    addresses += [f"{url}/SQL/execution/?id={statement['id']}" for statement in statements[-5:]]
    return map(_read, addresses)


def texts(folder: Path) -> list[str]:
    """The files below a folder, without Spark's checksums of them."""
    return [path.read_text() for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc"]


def before_secrets(shown: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """What stands before each text in which a secret is shown."""
    found = [(text, text.find(secret)) for text in shown for secret in secrets]
    return [text[max(0, place - 300) : place] for text, place in found if place >= 0]


def _read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())
