"""Archive, reader and writer as in a sync, without end and without a network, to be stopped anywhere.

    python -m harness.chain archive.zip

A second thread writes log lines, as downloads do, and there is an empty temporary folder, as the CDK has one.
"""

import logging
import sys
import tempfile
import threading
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

from source_amplitude.airbyte.command import open_output, require_a_temporary_folder
from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.events.converter import RecordConverter
from source_amplitude.events.reader import WindowReader
from source_amplitude.export.archive import Archive
from source_amplitude.export.windows import Window

FIRST_HOUR = datetime(2024, 3, 15, tzinfo=timezone.utc)


def main(arguments: list[str] | None = None) -> None:
    [path] = sys.argv[1:] if arguments is None else arguments
    writer = open_output()
    logger = logging.getLogger("airbyte")
    require_a_temporary_folder()
    with tempfile.TemporaryDirectory():
        threading.Thread(target=_log, args=(logger,), daemon=True).start()
        while True:
            archive = Archive(Path(path).open("rb"), Path(path).stat().st_size)  # noqa: SIM115 - the reader closes it
            converter = RecordConverter(json_columns_as_string=False)
            reader = WindowReader(Window(FIRST_HOUR, FIRST_HOUR), archive, lambda _: None, converter, logger)
            for batch in reader.batches():
                writer.write_bytes(RecordBatch("events", batch.ndjson, batch.count).to_lines())


def _log(logger: logging.Logger) -> None:
    for number in count():
        logger.info(f"Log line {number}")


if __name__ == "__main__":
    main()
