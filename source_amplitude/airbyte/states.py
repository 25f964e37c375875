"""Checks the states that a sync begins with, and prepares them for the CDK."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from airbyte_cdk.models import AirbyteStateMessage, AirbyteStateType, AirbyteStreamState, StreamDescriptor

from source_amplitude.errors import ConfigError


def usable_states(
    states: Sequence[AirbyteStateMessage], stream_names: Collection[str], logger: logging.Logger
) -> list[AirbyteStateMessage]:
    """Makes one message of the type STREAM, without a namespace, of each state that says where a stream continues.

    A state that is null, as Airbyte's reset leaves it, begins its stream anew, and one of a stream that there is not is
    ignored, both with a warning. What the CDK would ignore without a word is an error.

    :raises ConfigError: a state that is not one of a stream, or of a namespace, or none of a stream that is known
    """
    if any(not message.stream for message in states):
        raise ConfigError("The state is not one of streams: give the messages of the type STREAM that were printed.")
    streams = [message.stream for message in states if message.stream]
    known = [stream for stream in streams if stream.stream_descriptor.name in stream_names]
    # Our streams have no namespace, and the CDK would not find a state that has one.
    foreign = [stream for stream in known if stream.stream_descriptor.namespace]
    if foreign or (streams and not known):
        names = sorted({_full_name(stream) for stream in foreign or streams})
        raise ConfigError(
            f"The state is of another connector (of {', '.join(names)}; ours: {', '.join(stream_names)}). "
            "Give the state that this connector printed, or none to read everything from start_date."
        )
    usable = []
    for stream in streams:
        name = stream.stream_descriptor.name
        if stream not in known:
            logger.warning(
                f"The state has an entry of a stream {_full_name(stream)}, which this version does not have: "
                "it is ignored"
            )
        elif stream.stream_state is None:
            logger.warning(f"The state of the stream {name} is null, as after a reset: the stream is read anew")
        else:
            state = AirbyteStreamState(StreamDescriptor(name=name), stream.stream_state)
            usable.append(AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=state))
    return usable


def _full_name(stream: AirbyteStreamState) -> str:
    descriptor = stream.stream_descriptor
    return ".".join(filter(None, (descriptor.namespace, descriptor.name)))
