"""Learns from events which fields they have, so that a line can be parsed straight into them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from functools import cached_property
from types import NoneType
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType

MOST_FIELDS = 100  # of which 55 are declared; each one costs a look at every event
KEY = "uuid"
_KEY_KIND: Any = Annotated[str, Meta(min_length=1)]
_KINDS: dict[FieldType, Any] = {
    FieldType.STRING: str | None,
    FieldType.LIST_TEXT: str | None,
    FieldType.TIMESTAMP: Annotated[str, Meta(min_length=1)] | None,
    FieldType.INTEGER: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None,
    FieldType.BOOLEAN: bool | None,
    FieldType.OBJECT: Raw,
    FieldType.NUMBER: Raw,  # digits stay
}


class Shape:
    """Parses events into a type that is made for their fields: several times as fast as a dict, and as exact.

    A line that does not fit is refused, never bent: `decode_lines` raises `msgspec.MsgspecError`, and the caller reads
    it some other way and makes a wider shape of it with `including`. An event without its key never fits. What is in
    `bags` and `numbers` is any JSON, for the caller to look at. `names` are the fields of an event in the order in
    which `msgspec.structs.astuple` has them. `is_new` until the first fields are included.

    :param declared: the types of the fields that have a column
    :param kinds: the types that fields are parsed into, by name, in the order in which a record has them
    :param verbatim: names of fields of which the caller has to look at every value: they are not declared, or have had
        values of another type
    :param missing: what an event has in a field that its line lacks
    :param ignores_others: whether fields that are not declared are ignored, instead of a line not fitting;
        all that are declared must then be in `kinds` from the start
    """

    def __init__(
        self,
        declared: Mapping[str, FieldType],
        kinds: Mapping[str, Any] | None = None,
        verbatim: Iterable[str] = (),
        missing: Any = UNSET,
        *,
        ignores_others: bool = False,
    ) -> None:
        self._declared = declared
        self._missing = missing
        self._ignores_others = ignores_others
        self.is_new = not kinds
        self._kinds = dict(kinds or {KEY: _KEY_KIND})
        self._verbatim = frozenset(verbatim)
        # What else there is to learn of these is that a value is not of the declared type.
        self._settled = (
            frozenset() if self.is_new else {name for name, kind in self._kinds.items() if kind is not NoneType}
        )
        attributes = {f"f{position}": name for position, name in enumerate(self._kinds)}
        event: Any = msgspec.defstruct(
            "Event",
            # No value of a line fits the last one, which is made of the others.
            [
                *(
                    (attribute, self._kinds[name]) if name == KEY else (attribute, self._kinds[name], missing)
                    for attribute, name in attributes.items()
                ),
                (ADDITIONAL_FIELDS, UnsetType, None),
            ],
            rename=attributes,
            forbid_unknown_fields=not ignores_others,
            kw_only=True,  # or none could follow the key, which has no default
            gc=False,
        )
        self.names = (*self._kinds, ADDITIONAL_FIELDS)
        self.decode_lines: Callable[[bytes], list[Any]] = msgspec.json.Decoder(event).decode_lines
        self.verbatim = {attribute: name for attribute, name in attributes.items() if name in self._verbatim}
        others = {attribute: declared[name] for attribute, name in attributes.items() if name not in self._verbatim}
        self.timestamps = [attribute for attribute, kind in others.items() if kind is FieldType.TIMESTAMP]
        self.bags = [attribute for attribute, kind in others.items() if kind is FieldType.OBJECT]
        numbers = [attribute for attribute, kind in others.items() if kind is FieldType.NUMBER]
        self.numbers = [attribute for attribute in numbers if self._kinds[attributes[attribute]] is Raw]

    @cached_property
    def decode_lines_of_any_fields(self) -> Callable[[bytes], list[Any]]:
        """As `decode_lines`, but a line may have other fields, which are ignored: the caller looks at them."""
        return Shape(self._declared, self._kinds, self._verbatim, self._missing, ignores_others=True).decode_lines

    @classmethod
    def of_columns(cls, declared: Mapping[str, FieldType], missing: Any) -> Shape:
        """Makes a shape of declared fields that ignores all others, for callers who have no use for those."""
        kinds = {name: _KEY_KIND if name == KEY else _KINDS.get(kind, Raw) for name, kind in declared.items()}
        verbatim = [name for name, kind in declared.items() if kind not in _KINDS]
        return cls(declared, kinds, verbatim, missing, ignores_others=True)

    def including(self, fields: Mapping[str, Raw], misfits: Set[str]) -> Shape:
        """Returns a shape that also fits an event with these fields; this one when there is nothing to learn from it.

        :param misfits: the names of those whose values are not of the declared type
        """
        new = fields.keys() - self._settled
        if misfits and not misfits <= self._verbatim:
            new |= (fields.keys() & misfits) - self._verbatim
        if not new:
            return self
        kinds, verbatim = {} if self.is_new else dict(self._kinds), set(self._verbatim)
        for name in [name for name in fields if name in new and self._can_have(name)]:
            declared = self._declared.get(name)
            if name == KEY:
                kinds[name] = _KEY_KIND
            elif declared is FieldType.NUMBER and bytes(fields[name]) == b"null":
                kinds.setdefault(name, NoneType)  # as in all events of most projects
            elif declared in _KINDS and name not in misfits:
                kinds[name] = _KINDS[declared]
            else:
                kinds[name] = Raw
                verbatim.add(name)
        if KEY in self._declared:
            kinds.setdefault(KEY, _KEY_KIND)
        is_known = kinds == self._kinds and verbatim == self._verbatim
        if is_known or len(kinds) > MOST_FIELDS:
            return self
        return Shape(self._declared, kinds, verbatim, self._missing, ignores_others=self._ignores_others)

    def _can_have(self, name: str) -> bool:
        if self._ignores_others and name not in self._declared:
            return False
        needs_escapes = not name.isprintable() or '"' in name or "\\" in name
        return name not in self._verbatim and name != ADDITIONAL_FIELDS and not needs_escapes
