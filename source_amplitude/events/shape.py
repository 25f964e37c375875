"""The fields that events have, learnt from the events, so that a line can be parsed straight into them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any

import msgspec
from msgspec import UNSET, Raw

MOST_FIELDS = 300
_NEEDS_ESCAPES = frozenset('"\\')


class Shape:
    """A type that events are parsed into: several times as fast as a dict, and as exact.

    A field that has always been a string, an integer, a boolean or null is of that type. Any other field (a bag, a
    number whose text must stay, or one that was this here and that there) is verbatim: its JSON text as it came.
    A line that does not fit is refused, never bent: `decode` raises `msgspec.MsgspecError`, and the caller reads it
    some other way and makes a wider shape of it with `including`.

    :param kinds: the type of each field, by its name, in the order in which a record has them
    :param texts: names of fields that are wanted as strings: an event where one is something else never fits
    """

    def __init__(self, kinds: Mapping[str, type], texts: Iterable[str]) -> None:
        self._kinds = dict(kinds)
        self._texts = frozenset(texts)
        attributes = {f"f{position}": name for position, name in enumerate(self._kinds)}
        event: Any = msgspec.defstruct(
            "Event",
            [(attribute, self._annotation(name), UNSET) for attribute, name in attributes.items()],
            rename=attributes,
            forbid_unknown_fields=True,
            gc=False,
        )
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(event).decode
        self.verbatim = [attribute for attribute, name in attributes.items() if self._kinds[name] is Raw]
        self.texts = [attribute for attribute, name in attributes.items() if name in self._texts]

    def including(self, fields: Mapping[str, Raw]) -> Shape:
        """A shape that also fits an event with these fields; this one when there is nothing to learn from it."""
        kinds = dict(self._kinds)
        for name, raw in fields.items():
            if name in self._texts:
                kinds[name] = str
            elif name.isprintable() and _NEEDS_ESCAPES.isdisjoint(name):
                kinds[name] = _wider(kinds.get(name, NoneType), _kind(bytes(raw)))
        return self if kinds == self._kinds or len(kinds) > MOST_FIELDS else Shape(kinds, self._texts)

    def _annotation(self, name: str) -> Any:
        kind = self._kinds[name]
        return kind if kind in (Raw, NoneType) else kind | None


def _kind(raw: bytes) -> type:
    if raw[:1] == b'"':
        return str
    if raw in (b"true", b"false"):
        return bool
    if raw == b"null":
        return NoneType
    return int if raw.removeprefix(b"-").isdigit() else Raw


def _wider(known: type, seen: type) -> type:
    if known in (seen, NoneType):
        return seen
    return known if seen is NoneType else Raw
