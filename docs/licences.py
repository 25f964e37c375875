"""Writes docs/licences.md: the licence of each package that the image ships, and what each licence asks for."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "licences.md"
LOCK = REPOSITORY / "requirements" / "runtime.txt"
NOTICE = "that its notice and text go along"
# Each licence that the image may ship under, and what it asks of whoever hands the image on.
ALLOWED = {
    "0BSD": "nothing",
    "Apache-2.0": f"{NOTICE}, with a NOTICE file where there is one; changed files say so",
    "BSD-2-Clause": NOTICE,
    "BSD-3-Clause": f"{NOTICE}; no advertising with its authors' names",
    "CC0-1.0": "nothing",
    "CNRI-Python": f"{NOTICE}; changes are summed up",
    "ISC": NOTICE,
    "MIT": NOTICE,
    "MIT-0": "nothing",
    "MPL-2.0": f"{NOTICE}; the source of its files can be had (unchanged, in the package index)",
    "PSF-2.0": f"{NOTICE}; changes are summed up",
    "Zlib": "that its notice stays in its source, and that changes are marked",
}
# What packages write that have no licence expression in their metadata.
SPELLINGS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "MIT License": "MIT",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
}
# By their licence files: the metadata does not say which of the BSD licences, or is that of another system or Python.
BY_THEIR_FILES = {
    "boltons": "BSD-3-Clause",
    "colorama": "BSD-3-Clause",
    "exceptiongroup": "MIT",
    "isodate": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "pyasn1-modules": "BSD-2-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}
HEAD = """# Licences

Made by `make docs` from the lock [requirements/runtime.txt](../requirements/runtime.txt) and the metadata of the
packages in it. The connector itself is [MIT](../LICENSE). Each package in the image has its licence file beside it
(`*.dist-info`; `isodate` in the heads of its files), which is what most of these licences ask for. `make docs` and
`make test` fail on a package whose licence is not in the first table: decide whether it may be shipped before it is
added there.

## What they ask for

"""
TAIL = """
## Left out: Unidecode

`airbyte-cdk` 7.39 requires `Unidecode`, which is under the GNU General Public License, version 2 or later: whoever
hands on an image with it takes on its terms for what is combined with it. No module of the CDK or of another package
in the lock imports it. So the locks leave it out (`make lock`), the image has none, and all tests run without it.
What follows:

- `pip check` says, in the image and in `.venv`, that `airbyte-cdk` requires `unidecode`. That is known, and harmless.
- The locks are installed with `--no-deps`: they name every package that is needed.
- `pip install amplitude-source` without a lock takes what the CDK asks for, Unidecode too, from the package index.
  Neither the wheel nor the source archive of this project holds it or any other package.

## Inside the wheels

Some wheels bring libraries of others, whose licences are in the packages' licence files: `numpy`, which `pandas` and
so the CDK need, OpenBLAS (BSD-3-Clause) and, for Python before 3.12, `libgfortran` (GPL-3.0-or-later with the GCC
Runtime Library Exception) and `libquadmath` (LGPL-2.1-or-later), as files of their own that can be exchanged; the
image has Python 3.13, and for amd64 neither. `ijson` brings YAJL (ISC), `cryptography` OpenSSL (Apache-2.0). Python
itself and the system below it are Airbyte's base image; what is in that is Airbyte's to say.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page as it must be.

    :raises ValueError: a package has a licence that is not in ALLOWED, or says none
    """
    licences = {name: licence(name) for name in packages()}
    for name, text in licences.items():
        if not named(text) <= set(ALLOWED):
            raise ValueError(f"{name}: nobody has decided whether {text!r} may be shipped (docs/licences.py)")
    asked = [
        f"| {one} | {sum(one in named(text) for text in licences.values())} | {wish} |" for one, wish in ALLOWED.items()
    ]
    rows = [f"| {name} | {text} |" for name, text in licences.items()]
    return (
        HEAD
        + "\n".join(["| Licence | Packages | Asks for |", "|---|---|---|", *asked])
        + "\n\n## Packages\n\n"
        + "\n".join(["| Package | Licence |", "|---|---|", *rows, ""])
        + TAIL
    )


def packages() -> list[str]:
    """The names in the lock, for all systems and Pythons."""
    return sorted(
        set(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[\S+\])?==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    )


def licence(name: str) -> str:
    """What a package says of itself, as an SPDX expression; from BY_THEIR_FILES where that is not enough.

    :raises ValueError: it says nothing that is known
    """
    try:
        told = metadata(name)
    except PackageNotFoundError:
        if name in BY_THEIR_FILES:
            return BY_THEIR_FILES[name]
        raise ValueError(f"{name} is in the lock, but not here: its licence goes into BY_THEIR_FILES") from None
    if told.get("License-Expression"):
        return str(told["License-Expression"])
    if name in BY_THEIR_FILES:
        return BY_THEIR_FILES[name]
    # Some packages have the whole text here, which begins with a name.
    claims = [told.get("License", "").partition("\n")[0], *told.get_all("Classifier", [])]
    for claim in filter(None, claims):
        if claim in SPELLINGS or named(claim) <= set(ALLOWED):
            return SPELLINGS.get(claim, claim)
    raise ValueError(f"{name} says {claims[0]!r}, which is no licence that is known (docs/licences.py)")


def named(expression: str) -> set[str]:
    """The licences in an SPDX expression; one with an exception counts as one."""
    return set(re.findall(r"[\w.+-]+(?: WITH [\w.+-]+)?", re.sub(r"\b(AND|OR)\b|[()]", ",", expression)))


if __name__ == "__main__":
    main()
