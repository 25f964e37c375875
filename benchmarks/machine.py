"""Where results go, and the machine that they are of."""

import os
import platform
from pathlib import Path

OUTPUT = Path("bench_output")


def machine() -> str:
    return f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}, {platform.system()}"
