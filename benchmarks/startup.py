"""Start-up: `spec` beside the import of the CDK, which every connector pays."""

import sys
from pathlib import Path

from benchmarks.measure import interleaved, paired_ratio, spread
from benchmarks.table import Table


def measure(runs: int) -> Table:
    commands = {
        "import airbyte_cdk": [sys.executable, "-c", "import airbyte_cdk"],
        "source-amplitude spec": [str(Path(sys.executable).with_name("source-amplitude")), "spec"],
    }
    costs = interleaved(commands, {}, runs)
    cdk, spec = costs.values()
    table = Table("Start-up", ("", "wall s", "CPU s"))
    for name, cost in costs.items():
        table.rows.append((name, spread(cost, "wall").text(2), spread(cost, "cpu").text(2)))
    ratios = (paired_ratio(cdk, spec, figure).text(2) for figure in ("wall", "cpu"))
    table.rows.append(("spec / import", *ratios))
    return table
