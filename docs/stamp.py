"""Writes version, addresses and changelog, from pyproject.toml and CHANGELOG.md, wherever else they must stand."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
RELEASE = re.compile(r"^## \[(\d\S*)\] - (\S+)\n+(.+)$", re.MULTILINE)


def main() -> None:
    for path, text in stamped().items():
        path.write_text(text, encoding="utf-8")


def stamped() -> dict[Path, str]:
    """Each file that repeats something, as it must be."""
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    version, page = value(project, "version"), value(project, "Documentation")
    lines = {
        "metadata.yaml": ((r"  dockerImageTag: ", version), (r"  documentationUrl: ", page)),
        "Dockerfile": ((r"      io\.airbyte\.version=", version),),
        "source_amplitude/spec.json": ((r'  "documentationUrl": ', f'"{page}",'),),
    }
    files = {}
    for name, replaced in lines.items():
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        for before, after in replaced:
            text, found = re.subn(f"(?m)^({before}).*$", lambda match, after=after: match[1] + after, text)
            if found != 1:
                raise ValueError(f"{name}: {found} lines that begin with {before!r}, instead of one")
        files[REPOSITORY / name] = text
    return {**files, REPOSITORY / "docs" / "amplitude.md": with_changelog(version)}


def value(project: str, key: str) -> str:
    """What pyproject.toml says; Python 3.10 has no parser for it."""
    [found] = re.findall(rf'^{key} = "(.+)"$', project, re.MULTILINE)
    return str(found)


def with_changelog(version: str) -> str:
    """The connector's page with the releases of CHANGELOG.md, the newest first, each with its first sentence."""
    releases = RELEASE.findall((REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"))
    if not releases or releases[0][0] != version:
        raise ValueError(f"CHANGELOG.md: the newest release is not {version}, the version of pyproject.toml")
    page = (REPOSITORY / "docs" / "amplitude.md").read_text(encoding="utf-8")
    before, heading, _ = page.partition("\n## Changelog\n")
    rows = "".join(f"| {number} | {date} | {text} |\n" for number, date, text in releases)
    return f"{before}{heading}\n| Version | Date | Change |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    main()
