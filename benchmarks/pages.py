"""Writes what docs/measured.json says into the docs.

    python -m benchmarks.pages

That is docs/scale.md, and in every page what is between `<!-- measured: NAME -->` and `<!-- /measured -->`: NAME is one
of TABLES in benchmarks/tables.py. `make bench`, `make bench-spark` and `make docs` run it.
"""

import re
import subprocess
import sys

from benchmarks.figures import REPOSITORY, Figures, load
from benchmarks.tables import TABLES

PAGES = sorted([*(REPOSITORY / "docs").glob("*.md"), *REPOSITORY.glob("*.md")])
BLOCK = re.compile(r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- /measured -->)", re.DOTALL)


def filled(page: str, figures: Figures) -> str:
    """A page with its blocks made of these figures.

    :raises KeyError: a block has a name that is not in TABLES, or the figures lack what it needs
    """

    def block(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        part, make = TABLES[name]
        return f"{begin}\n{make(figures[part])}\n\n{end}"

    return BLOCK.sub(block, page)


def main() -> None:
    figures = load()
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        if BLOCK.search(page):
            path.write_text(filled(page, figures), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "docs.scale"], cwd=REPOSITORY, check=True)


if __name__ == "__main__":
    main()
