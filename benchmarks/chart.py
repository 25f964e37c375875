"""The picture of the throughput table.

    python -m benchmarks.chart FILE.png < DATA

DATA is JSON: a title and, for each contender, its name and the medians of its events per second of wall and of CPU.
"""

import json
import sys

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt

OURS_COLOR, OTHER_COLOR = "#1f77b4", "#b0b7bf"


def draw(path: str, title: str, rows: list[tuple[str, float, float]]) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), sharey=True)
    names = [name for name, *_ in rows]
    colors = [OURS_COLOR if position == 0 else OTHER_COLOR for position in range(len(rows))]
    for axis, label, rates in zip(
        axes,
        ("events per second", "events per second of processor time"),
        zip(*(rates for _, *rates in rows), strict=True),
        strict=True,
    ):
        bars = axis.barh(names, rates, color=colors)
        axis.bar_label(bars, labels=[f"{rate:,.0f}" for rate in rates], padding=3, fontsize=8)
        axis.set_title(label, fontsize=9)
        axis.set_xlim(0, max(rates) * 1.2)
        axis.xaxis.set_visible(False)
        axis.tick_params(labelsize=8)
        for side in ("top", "right", "bottom"):
            axis.spines[side].set_visible(False)
    axes[0].invert_yaxis()
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    data = json.load(sys.stdin)
    draw(sys.argv[1], data["title"], data["rows"])
