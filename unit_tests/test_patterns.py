"""Regular expressions take a time that grows with the text, not with its square: texts come from servers and users."""

import ast
import importlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1] / "source_amplitude"
SHORT, LONG = 1_000, 8_000
# A pattern that takes the square of the length takes 64 times as long for the longer text.
MOST_GROWTH = 24
UNMEASURABLE_SECONDS = 0.004


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts) for path in paths if path.name != "__main__.py")


def patterns() -> Iterator[tuple[str, "re.Pattern[Any]"]]:
    for name in modules():
        try:
            module = importlib.import_module(name.removesuffix(".__init__"))
        except ModuleNotFoundError:  # of Spark
            continue
        for variable, value in vars(module).items():
            pattern = value if isinstance(value, re.Pattern) else getattr(value, "__self__", None)
            if isinstance(pattern, re.Pattern):
                yield f"{name}.{variable}", pattern


FOUND = dict(patterns())


def test_every_pattern_is_a_constant_of_its_module() -> None:
    elsewhere = []
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        constants = {
            id(node) for statement in tree.body if isinstance(statement, ast.Assign) for node in ast.walk(statement)
        }
        for node in ast.walk(tree):
            is_call_of_re = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
            )
            if is_call_of_re and id(node) not in constants:
                elsewhere.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert elsewhere == []


def units(pattern: str) -> set[str]:
    """What a text may repeat to keep a pattern busy: its literal characters, alone and in pairs."""
    characters = sorted({*re.sub(r"\\[a-zA-Z]", "", pattern), "a", "1", " ", "/", "\\", '"', "<"})
    return {*characters, *(one + other for one in characters for other in ("a", "\\", '"', "/", "1"))}


def seconds(search: Callable[[Any], Any], text: Any, times: int = 3) -> float:
    found = []
    for _ in range(times):
        began = time.thread_time()
        for _match in search(text):
            pass
        found.append(time.thread_time() - began)
    return min(found)


@pytest.mark.parametrize("name", FOUND)
def test_the_time_of_a_pattern_grows_with_the_text(name: str) -> None:
    pattern = FOUND[name]
    is_bytes = isinstance(pattern.pattern, bytes)
    source = pattern.pattern.decode() if is_bytes else pattern.pattern
    for unit in units(source):
        for before in ("", '"', "<", "/", "1"):
            texts = [before + unit * (size // len(unit)) for size in (SHORT, LONG)]
            short, long = (text.encode() if is_bytes else text for text in texts)
            if seconds(pattern.finditer, long, times=1) > UNMEASURABLE_SECONDS:
                took = seconds(pattern.finditer, long)
                assert took < MOST_GROWTH * seconds(pattern.finditer, short), (before, unit)


def test_a_pattern_that_takes_the_square_would_be_noticed() -> None:
    slow = re.compile(r"(/[^\s?]*)\?")
    assert seconds(slow.finditer, "/" * LONG) > MOST_GROWTH * seconds(slow.finditer, "/" * SHORT)
