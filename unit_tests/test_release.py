"""A release is of the version that the files say, with their notes, by actions that nobody can exchange."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
SCRIPT = REPOSITORY / "tools" / "release_notes.py"
CHANGELOG = """# Changelog

## [Unreleased]

## [1.3.0] - 2030-02-01

Faster.

### Changed

- It is faster ([how](docs/performance.md)).

## [1.2.0] - 2030-01-01

First.
"""


@pytest.fixture(scope="module")
def release() -> ModuleType:
    specification = importlib.util.spec_from_file_location("release_notes", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_notes_are_the_section_of_the_version_alone(release: ModuleType) -> None:
    notes = release.notes(CHANGELOG, "1.3.0")
    assert notes == "Faster.\n\n### Changed\n\n- It is faster ([how](docs/performance.md))."


@pytest.mark.parametrize(
    ("changelog", "version", "why"),
    [
        (CHANGELOG, "1.2.0", "newest release is"),
        (CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n- Forgotten.\n"), "1.3.0", "under Unreleased"),
    ],
)
def test_a_changelog_that_is_not_that_of_the_release_is_refused(
    release: ModuleType, changelog: str, version: str, why: str
) -> None:
    with pytest.raises(SystemExit, match=why):
        release.notes(changelog, version)


def test_a_tag_that_is_not_the_version_is_refused() -> None:
    ended = subprocess.run([sys.executable, str(SCRIPT), "v9.9.9"], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "v9.9.9" in ended.stderr


def actions() -> Iterator[tuple[str, str, str]]:
    """The name, the commit and the comment of each action in the workflows, but for what is in this repository."""
    for workflow in WORKFLOWS:
        for used in re.findall(r"uses: (.+)", workflow.read_text()):
            if not used.startswith("./"):
                name, _, rest = used.partition("@")
                commit, _, comment = rest.partition(" # ")
                yield name, commit, comment


def test_each_action_is_pinned_by_one_commit_whose_version_stands_beside_it() -> None:
    used = list(actions())
    assert len(used) > 10
    assert [one for one in used if not re.fullmatch(r"[0-9a-f]{40}", one[1])] == []
    assert [one for one in used if not re.fullmatch(r"v\d+\.\d+\.\d+", one[2])] == []
    assert len(set(used)) == len({name for name, _, _ in used}), "the same action, the same commit"


def test_nothing_is_published_before_the_tests_and_no_job_may_write_more_than_it_does() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "release.yml").read_text())
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    needs = {
        name: {job["needs"]} if isinstance(job.get("needs"), str) else set(job.get("needs", []))
        for name, job in jobs.items()
    }
    assert needs == {
        "test": set(),
        "wheel": {"test"},
        "image": {"wheel"},
        "package-index": {"wheel", "image"},
        "notes": {"package-index"},
    }
    writes = {name: {what for what, how in job["permissions"].items() if how == "write"} for name, job in jobs.items()}
    assert writes == {
        "test": set(),
        "wheel": {"id-token", "attestations"},
        "image": {"id-token", "attestations", "packages"},
        "package-index": {"id-token"},
        "notes": {"contents"},
    }
