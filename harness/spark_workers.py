"""Another clock and shorter patience for the processes that Spark starts: nothing else differs from the real ones.

Spark starts them with the environment that it was started with, and uses them again; so the time of day is in a file,
which is read whenever it is asked for.
"""

import importlib
import json
import os
from datetime import datetime
from pathlib import Path

from source_amplitude import clock


def prepare() -> None:
    """Do in this process what the file named by SIMULATED_SPARK says: `{"now": "<ISO 8601>", "constants": {…}}`."""
    path = Path(os.environ["SIMULATED_SPARK"])
    for name, value in json.loads(path.read_text())["constants"].items():
        module_name, _, constant = name.rpartition(".")
        module = importlib.import_module(f"source_amplitude.{module_name}")
        if not hasattr(module, constant):
            raise AttributeError(f"{module.__name__} has no {constant}")
        setattr(module, constant, value)
    clock.utc_now = lambda: datetime.fromisoformat(json.loads(path.read_text())["now"])
