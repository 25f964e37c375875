"""Start-up: `spec` beside the import of the CDK, which every connector pays."""

import sys

from benchmarks.figures import Figures
from benchmarks.measure import COMMAND, interleaved


def measure(runs: int) -> Figures:
    commands = {
        "import airbyte_cdk": [sys.executable, "-c", "import airbyte_cdk"],
        "source-amplitude spec": [COMMAND, "spec"],
    }
    return interleaved(commands, {}, runs)
