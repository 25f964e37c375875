"""Prints, from inside the image, how many bytes the connector adds to the CDK and all that the CDK requires."""

import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

# The CDK requires it, nothing imports it, and the image goes without: docs/licences.md.
LEFT_OUT = {"unidecode"}


def main() -> None:
    with_cdk: set[str] = set()
    pending = ["airbyte-cdk"]
    while pending:
        name = pending.pop()
        if name not in with_cdk | LEFT_OUT:
            with_cdk.add(name)
            pending += map(normalized, required(distribution(name)))
    environment = sum(path.lstat().st_size for path in Path(sys.prefix).rglob("*") if path.is_file())
    print(environment - sum(map(size, with_cdk)))


def required(package: Distribution) -> list[str]:
    found = map(Requirement, package.requires or [])
    return [one.name for one in found if one.marker is None or one.marker.evaluate({"extra": ""})]


def normalized(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def size(name: str) -> int:
    paths = [Path(str(file.locate())) for file in distribution(name).files or []]
    return sum(path.lstat().st_size for path in paths if path.is_file())


main()
