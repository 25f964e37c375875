import pytest

from benchmarks.spark import EVENTS_PER_HOUR, HOURS, KINDS
from benchmarks.tables import SPARK_GOALS

pytestmark = pytest.mark.spark


def test_each_goal_is_beside_a_read_that_is_measured() -> None:
    kinds = {kind.partition(" uuid")[0] for kind in KINDS}
    assert {kind for kind, _ in SPARK_GOALS} == kinds
    assert {events for _, events in SPARK_GOALS} == {HOURS * events for events in EVENTS_PER_HOUR}
