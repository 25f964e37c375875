"""Makes a record of an answer (or two) of the User Profile API: JSON bytes in, JSON bytes out, numbers exact."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from source_amplitude.records.coercion import CoercionStats, ColumnValues
from source_amplitude.records.json_repair import NULL, Fields, NotAJsonObjectError, read_object
from source_amplitude.records.schema import declared_types
from source_amplitude.user_profiles.users import User

USER_DATA = "userData"
_encode = msgspec.json.Encoder().encode


class NotAProfileError(ValueError):
    """Reports a body that holds no profile. The message never holds its content."""


_decode = msgspec.json.Decoder(Fields).decode


@dataclass(frozen=True)
class Profile:
    """Holds the fields of `userData` in an answer, each as its raw JSON on one line.

    :param is_repaired: whether the JSON of the answer had to be repaired, as that of events is
    """

    fields: Fields
    is_repaired: bool = False


def user_data(body: bytes) -> Profile:
    """Reads the profile in an answer.

    :raises NotAProfileError: the body is not a JSON object with `userData`
    """
    try:
        fields, is_repaired = read_object(body)
        on_one_line = msgspec.json.format(fields[USER_DATA], indent=-1)
        return Profile(_decode(on_one_line), is_repaired)
    except (NotAJsonObjectError, KeyError, msgspec.MsgspecError):
        raise NotAProfileError("not a JSON object with userData") from None


def profile_record(
    user: User, profile: Profile, computations: Profile | None, *, json_columns_as_string: bool
) -> tuple[bytes, CoercionStats]:
    """Makes the record of a user, a JSON object and a line break, and counts what had to be converted in it.

    All fields of the schema are there, what is new stays, and `additional_fields` keeps what does not fit its column.
    `user_id` is the key and never null: Amplitude's own if it has one, otherwise what was asked for, which for a device
    without a user is the device's id.

    :param computations: the answer whose `amp_props` holds computed properties; it may be `profile` itself
    """
    types = declared_types("user_profiles")
    fields = {**dict.fromkeys(types, NULL), **profile.fields}
    if computations is not None:
        fields["computations"] = computations.fields.get("amp_props", NULL)
    if computations is profile:
        fields["amp_props"] = NULL
    values = ColumnValues(types, json_columns_as_string=json_columns_as_string)
    record = values.record(fields)
    asked_for = user.id.replace("\x00", "\ufffd")
    record["user_id"] = id_text(record["user_id"]) or asked_for
    record["device_id"] = id_text(record["device_id"]) or (asked_for if user.kind == "device_id" else None)
    values.coercions.repaired = int(profile.is_repaired or (computations is not None and computations.is_repaired))
    return _encode(record) + b"\n", values.coercions


def id_text(raw: msgspec.Raw | None) -> str | None:
    """Reads an id as text, anything but a string as its very JSON; None for null."""
    text = "null" if raw is None else str(raw, "utf-8")
    return msgspec.json.decode(text, type=str | None) if text[0] in '"n' else text
