"""One answer (or two) of the User Profile API to one record: JSON bytes in, JSON bytes out, numbers exact."""

from __future__ import annotations

from typing import Any

import msgspec

from source_amplitude.json_repair import NotAJsonObjectError, strict_json
from source_amplitude.user_profiles.users import User

Fields = dict[str, msgspec.Raw]

NULL = msgspec.Raw(b"null")
_encode = msgspec.json.Encoder().encode


class _Body(msgspec.Struct):
    userData: Fields  # noqa: N815 - Amplitude's name


class NotAProfileError(ValueError):
    """A body that holds no profile. The message never holds its content."""


_decode = msgspec.json.Decoder(_Body).decode


def user_data(body: bytes) -> Fields:
    """The fields of `userData`, each as its raw JSON on one line.

    JSON that is not strict is repaired as that of events is.

    :raises NotAProfileError: the body is not a JSON object with `userData`
    """
    try:
        try:
            body.decode()
            return _decode(_on_one_line(body)).userData
        except (UnicodeDecodeError, msgspec.MsgspecError):
            return _decode(_on_one_line(strict_json(body))).userData
    except (NotAJsonObjectError, msgspec.MsgspecError):
        raise NotAProfileError("not a JSON object with userData") from None


def profile_record(user: User, profile: Fields, computations: Fields | None, *, json_columns_as_string: bool) -> bytes:
    """The record of a user: a JSON object and a line break. All fields of the schema are there; what is new stays.

    `user_id` is the key and never null: Amplitude's own if it has one, otherwise what was asked for, which for a device
    without a user is the device's id.

    :param computations: the answer whose `amp_props` holds computed properties; it may be `profile` itself
    """
    amp_props = NULL if profile is computations else profile.get("amp_props", NULL)
    fields: dict[str, Any] = {
        "user_id": id_text(profile.get("user_id", NULL)) or user.id,
        "device_id": id_text(profile.get("device_id", NULL)) or (user.id if user.kind == "device_id" else None),
        "amp_props": amp_props,
        "cohort_ids": _texts(profile.get("cohort_ids", NULL)),
        "recommendations": profile.get("recommendations", NULL),
        "computations": (computations or {}).get("amp_props", NULL),
        "propensities": profile.get("propensities", NULL),
    }
    fields.update((name, value) for name, value in profile.items() if name not in fields)
    if json_columns_as_string:
        for name, value in fields.items():
            if type(value) is msgspec.Raw and bytes(value)[:1] in (b"{", b"["):
                fields[name] = bytes(value).decode()
    return _encode(fields) + b"\n"


def id_text(raw: msgspec.Raw) -> str | None:
    """An id as text, a number with its very digits; None for null."""
    value = msgspec.json.decode(raw)
    if value is None or isinstance(value, str):
        return value
    return bytes(raw).decode()


def _on_one_line(body: bytes) -> bytes:
    return msgspec.json.format(body, indent=-1)


def _texts(raw: msgspec.Raw) -> Any:
    """A list as a list of strings; anything else as it came."""
    value = msgspec.json.decode(raw)
    if not isinstance(value, list):
        return raw
    return [entry if isinstance(entry, str) else _encode(entry).decode() for entry in value]
