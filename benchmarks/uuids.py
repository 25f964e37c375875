"""What a connector printed, as far as it has to be the same for all of them: how many events, and their uuids.

    python -m benchmarks.uuids FILE

A process of its own, so that the one that measures stays small.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

_UUID = re.compile(rb'"uuid": ?"([0-9a-f-]{36})"')


def fingerprint(path: Path) -> str:
    found = subprocess.run([sys.executable, "-m", "benchmarks.uuids", str(path)], check=True, capture_output=True)
    return found.stdout.decode().strip()


def main(path: str) -> None:
    uuids = []
    with Path(path).open("rb") as lines:
        for line in lines:
            if line.startswith((b'{"type":"RECORD"', b'{"type": "RECORD"')) and (match := _UUID.search(line)):
                uuids.append(match.group(1))
    digest = hashlib.sha256(b"".join(sorted(uuids))).hexdigest()
    print(f"{len(uuids)} events, {len(set(uuids))} uuids, SHA-256 of the sorted uuids {digest}")


if __name__ == "__main__":
    main(sys.argv[1])
