"""Prints what CHANGELOG.md says of a release: python tools/release_notes.py v0.2.0

It fails where the tag is not the version of pyproject.toml, or the changelog does not begin with that version.
"""

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def main(tag: str) -> None:
    [version] = re.findall(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    if tag != f"v{version}":
        sys.exit(f"The tag is {tag}, and the version in pyproject.toml {version}: they must be the same.")
    print(notes((REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), version))


def notes(changelog: str, version: str) -> str:
    """The section of a version, which must be the first, but for *Unreleased*, which must be empty."""
    _, unreleased, *releases = re.split(r"^## (?=\[)", changelog, flags=re.MULTILINE)
    if unreleased.strip() != "[Unreleased]":
        sys.exit("CHANGELOG.md: there are changes under Unreleased, which belong to the release or do not exist yet.")
    heading, _, text = releases[0].partition("\n")
    if not heading.startswith(f"[{version}] - "):
        sys.exit(f"CHANGELOG.md: the newest release is {heading}, and not {version}.")
    return text.strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
