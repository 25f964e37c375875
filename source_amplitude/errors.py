"""What can go wrong, in three kinds: the user can mend it, it passes by itself, or nobody has seen it before.

The core raises these; each door turns them into what its users expect (`airbyte.errors`, `lakeflow`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AUTHENTICATION_FAILED = "Authentication failed. Check your api_key and secret_key."
NOT_IN_THE_EU = "User Profile API is not supported in EU region"


class AmplitudeError(Exception):
    """An error with a sentence for the user. Neither text ever holds a key, an id or a property.

    :param message: what is wrong and what to do about it
    :param internal_message: more for whoever debugs it; by default the same
    """

    def __init__(self, message: str, internal_message: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.internal_message = internal_message or message

    def __reduce__(self) -> tuple[type[AmplitudeError], tuple[str, str]]:
        """Errors of Spark's workers are pickled on their way to the driver."""
        return type(self), (self.message, self.internal_message)


class ConfigError(AmplitudeError):
    """The user can mend it: a configuration, keys, a plan, a full disk."""


class TransientError(AmplitudeError):
    """It passes by itself: the next attempt may succeed."""


class UnexpectedError(AmplitudeError):
    """A bug, or an answer that nobody has seen before."""


def foreign_state(stream: str, state: Mapping[str, Any], expected: str | None = None) -> ConfigError:
    """The state of a stream is not one that this connector has written.

    :param expected: the fields that it would have
    """
    fields = f"its fields: {', '.join(sorted(map(str, state))) or 'none'}"
    return ConfigError(
        f"The saved state of the stream {stream} is not one that this connector understands "
        f"({fields}{f'; expected: {expected}' if expected else ''}). Reset the stream's state to read it from the "
        "beginning."
    )


def no_temporary_folder(error: OSError) -> ConfigError:
    """Nothing can be downloaded without one."""
    return ConfigError(
        "No temporary folder can be written to: mount one at /tmp, or set TMPDIR to a writable folder.", str(error)
    )
