"""What Spark's queries say and keep: the sentence of an error, the offsets of a stream."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from harness.spark import SimulatedSpark


def sentence_of(spark: SimulatedSpark, action: Callable[[], object]) -> str:
    """The sentence in the error that an action ends with."""
    with pytest.raises((PySparkException, Py4JJavaError)) as caught:
        action()
    text = str(caught.value)
    for secret in (spark.simulator.project.api_key, spark.simulator.project.secret_key):
        assert secret not in text
    assert "During handling of the above exception" not in text, "another error hides it"
    [sentence] = set(re.findall(r"(?:Config|Transient|Unexpected)Error: (.+)", text))
    return sentence


def offsets(folder: Path) -> list[dict[str, str]]:
    """The end of each micro-batch, as the checkpoint has it."""
    files = sorted((folder / "checkpoint" / "offsets").glob("[0-9]*"), key=lambda path: int(path.name))
    return [json.loads(path.read_text().splitlines()[-1]) for path in files]
