"""Makes a configured catalog of what `discover` finds (`catalog`), and compares one with what the streams can do."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from airbyte_cdk.models import (
    AirbyteStream,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
)
from airbyte_cdk.sources import Source
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from source_amplitude.airbyte.errors import has_user_message
from source_amplitude.airbyte.redaction import redacted
from source_amplitude.errors import ConfigError


def print_catalog(source: Source, arguments: argparse.Namespace) -> None:
    """Prints a configured catalog of the named streams, in that order; by default of all.

    Ends the process with 1 and a sentence on standard error where the configuration or a name is wrong.
    """
    logging.disable(logging.CRITICAL)  # standard output is the catalog alone
    try:
        config = source.configure(source.read_config(arguments.config), "")
        discovered = {stream.name: stream for stream in source.discover(logging.getLogger("airbyte"), config).streams}
        configured = [_configured(stream) for stream in _chosen(arguments.streams, discovered)]
    except (AirbyteTracedException, ConfigError) as error:
        if not has_user_message(error):
            raise
        sys.exit(redacted(filter_secrets(str(error))))
    catalog = ConfiguredAirbyteCatalogSerializer.dump(ConfiguredAirbyteCatalog(streams=configured))
    sys.stdout.write(json.dumps(catalog, indent=2, ensure_ascii=False) + "\n")


def _chosen(names: list[str] | None, discovered: dict[str, AirbyteStream]) -> list[AirbyteStream]:
    """Selects the streams that were named, each once; all of them without names.

    :raises ConfigError: a name is wrong, or there is none
    """
    if names == []:
        raise ConfigError(f"--streams names no stream. The streams are {', '.join(discovered)}.")
    for name in names or ():
        if name not in discovered:
            raise ConfigError(no_such_stream(name, discovered))
    return [discovered[name] for name in dict.fromkeys(names or discovered)]


def no_such_stream(name: str, names: Iterable[str]) -> str:
    """Writes the sentence about a stream that does not exist, with the one that was probably meant."""
    similar = get_close_matches(name, names := list(names), n=1)
    meant = f"Did you mean {similar[0]}? " if similar else ""
    return f"There is no stream {name}. {meant}The streams are {', '.join(names)}."


def _configured(stream: AirbyteStream) -> ConfiguredAirbyteStream:
    """Configures a stream as incremental and deduplicated where it can be, otherwise as a table that is replaced."""
    is_incremental = SyncMode.incremental in stream.supported_sync_modes
    return ConfiguredAirbyteStream(
        stream=stream,
        sync_mode=SyncMode.incremental if is_incremental else SyncMode.full_refresh,
        destination_sync_mode=DestinationSyncMode.append_dedup if is_incremental else DestinationSyncMode.overwrite,
        cursor_field=stream.default_cursor_field if is_incremental else None,
        primary_key=stream.source_defined_primary_key,
    )


def doubtful_modes(configured: ConfiguredAirbyteStream, stream: AirbyteStream) -> Iterator[str]:
    """Yields a sentence for each sync mode or cursor that a catalog asks for and the stream does not have."""
    if configured.sync_mode not in stream.supported_sync_modes:
        yield (
            f"The catalog asks for the stream {stream.name} in the sync mode {configured.sync_mode.value}, "
            "which it does not have: it is read in full."
        )
    elif configured.cursor_field and configured.cursor_field != stream.default_cursor_field:
        asked, cursor = ".".join(configured.cursor_field), ".".join(stream.default_cursor_field or [])
        actual = f"its cursor is {cursor}" if cursor else "it has none"
        yield f"The catalog names {asked} as the cursor of the stream {stream.name}, which is ignored: {actual}."
