"""The README that a package index shows leads to the files of its version."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[1]
PROJECT = 'version = "1.2.3"\nRepository = "https://forge.example/us/it"\n'


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = REPOSITORY / "tools" / "published_readme.py"
    specification = importlib.util.spec_from_file_location("published_readme", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("link", "published"),
    [
        ("[a](docs/a.md)", "[a](https://forge.example/us/it/blob/v1.2.3/docs/a.md)"),
        ("[a](docs/a.md#part)", "[a](https://forge.example/us/it/blob/v1.2.3/docs/a.md#part)"),
        ("![a](docs/a.png)", "![a](https://forge.example/us/it/raw/v1.2.3/docs/a.png)"),
        ("[a](#part)", "[a](#part)"),
        ("[a](https://example.com)", "[a](https://example.com)"),
        ("[`code`](docs/a.md), [b](LICENSE)",
         "[`code`](https://forge.example/us/it/blob/v1.2.3/docs/a.md), [b](https://forge.example/us/it/blob/v1.2.3/LICENSE)"),
    ],
)  # fmt: skip
def test_a_link_to_a_file_becomes_its_address_at_the_tag(tool: ModuleType, link: str, published: str) -> None:
    assert tool.published(link, PROJECT) == published


def test_the_published_readme_has_no_link_to_a_file(tool: ModuleType) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", tool.published(readme, project))
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
