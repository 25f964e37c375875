"""Prints the oldest and the newest supported Python of this machine, by path, but for the version that runs this.

Of those that are on the PATH, or that pyenv has installed, as `python3.N`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    found = {minor: python for minor in supported() if (python := next(installed(minor), None))}
    for minor in sorted({min(found, default=None), max(found, default=None)} - {None, sys.version_info.minor}):
        print(found[minor])


def supported() -> range:
    """The minor versions of Python 3 that pyproject.toml allows."""
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    [(lowest, above)] = re.findall(r'^requires-python = ">=3\.(\d+),<3\.(\d+)"$', project, re.MULTILINE)
    return range(int(lowest), int(above))


def installed(minor: int) -> Iterator[str]:
    """The interpreters of a version that run and can make environments; not so pyenv's stand-ins for what is off."""
    name = f"python3.{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for python in filter(None, [shutil.which(name), *map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/{name}")))]):
        tried = subprocess.run([python, "-c", "import ensurepip, venv"], check=False, capture_output=True)
        if tried.returncode == 0:
            yield python


if __name__ == "__main__":
    main()
