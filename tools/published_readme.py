"""Makes the links of a README addresses, for package indexes, which have no files beside it.

    python tools/published_readme.py FOLDER

It rewrites FOLDER/README.md: a link to a file leads to that file at the tag of the version, in the repository of
FOLDER/pyproject.toml.
"""

import re
import sys
from pathlib import Path

LINK = re.compile(r"(!?)(\[[^\[\]]*\])\((?![a-z]+:|#)([^)]+)\)")


def main(folder: str) -> None:
    project = Path(folder, "pyproject.toml").read_text(encoding="utf-8")
    readme = Path(folder, "README.md")
    readme.write_text(published(readme.read_text(encoding="utf-8"), project), encoding="utf-8")


def published(readme: str, project: str) -> str:
    [version] = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)
    [repository] = re.findall(r'^Repository = "(.+)"$', project, re.MULTILINE)

    def address(link: re.Match[str]) -> str:
        image, text, path = link.groups()
        return f"{image}{text}({repository}/{'raw' if image else 'blob'}/v{version}/{path})"

    return LINK.sub(address, readme)


if __name__ == "__main__":
    main(*sys.argv[1:])
