"""A table of results, in Markdown."""

from dataclasses import dataclass, field


@dataclass
class Table:
    title: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _row(self.headers), _row(tuple("---" for _ in self.headers))]
        lines += map(_row, self.rows)
        return "\n".join([*lines, "", *(f"{note}\n" for note in self.notes)])


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
