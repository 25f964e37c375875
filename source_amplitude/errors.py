"""The tree of exceptions. Each is a sentence for the user, in one of three kinds; public are those marked with a star.

    AmplitudeError *         the base of all
    ├── ConfigError *        the user can mend it: a configuration, keys, a plan, a full disk
    ├── TransientError *     it passes by itself: the next attempt may succeed
    ├── UnexpectedError *    a bug, or an answer that nobody has seen before
    │   └── RejectedError    (endpoints.answers) Amplitude did not accept a request, in its own words
    └── NotIncludedError     (endpoints.answers) the plan lacks an endpoint: caught, and logged as a warning

`source_amplitude.lakeflow` exports the public ones. The core raises them, and each door turns them into what its users
expect (`airbyte.errors`, `spark.errors`). All other exceptions of the package are signals between two of its modules:
they derive from `Exception` alone, are defined by the module that raises them, and never reach a user.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AUTHENTICATION_FAILED = "Authentication failed. Check your api_key and secret_key."
PLEASE_REPORT = "Nobody has seen it before: please report it with this message."
NOT_IN_THE_EU = "User Profile API is not supported in EU region"


class AmplitudeError(Exception):
    """Carries a sentence for the user. Neither text ever holds a key, an id or a property.

    :param message: what is wrong and what to do about it
    :param internal_message: more for whoever debugs it; by default the same
    """

    def __init__(self, message: str, internal_message: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.internal_message = internal_message or message

    def __reduce__(self) -> tuple[type[AmplitudeError], tuple[str, str]]:
        """Pickles both texts: errors of Spark's workers are sent to the driver."""
        return type(self), (self.message, self.internal_message)


class ConfigError(AmplitudeError):
    """Reports what the user can mend: a configuration, keys, a plan, a full disk."""


class TransientError(AmplitudeError):
    """Reports what passes by itself: the next attempt may succeed."""


class UnexpectedError(AmplitudeError):
    """Reports a bug, or an answer that nobody has seen before."""


def foreign_state(stream: str, state: Mapping[str, Any], expected: str | None = None) -> ConfigError:
    """Makes the error for a stream's state that this connector has not written.

    :param expected: the fields that it would have
    """
    fields = f"its fields: {', '.join(sorted(map(str, state))) or 'none'}"
    return ConfigError(
        f"The saved state of the stream {stream} is not one that this connector understands "
        f"({fields}{f'; expected: {expected}' if expected else ''}). Reset the stream's state to read it from the "
        "beginning."
    )


def keys_refused(region: str, words: str) -> ConfigError:
    """Makes the error for keys that were refused; they may be right, and only those of another region.

    :param words: a sentence with what the answer says
    """
    return ConfigError(
        f"{AUTHENTICATION_FAILED} {words} The region is set to {region}: "
        "a project of the other region is refused in the same way."
    )


def no_temporary_folder(error: OSError) -> ConfigError:
    """Makes the error for a machine without a writable temporary folder, which every download needs."""
    return ConfigError(
        "No temporary folder can be written to: mount one at /tmp, or set TMPDIR to a writable folder.", str(error)
    )
