import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.export.width import AdaptiveWidth

SMALL = 1000
TARGET = 536_870_912  # 512 MiB
LARGEST_TO_GROW = 357_913_941  # below two thirds of that


def widths(width: AdaptiveWidth, windows: int, size: int = SMALL) -> list[int]:
    """The width after each of some windows that were served as wide as allowed."""
    found = []
    for _ in range(windows):
        width.served(width.hours, size)
        found.append(width.hours)
    return found


def test_given_refusals_then_half_each_time_and_at_least_an_hour() -> None:
    width = AdaptiveWidth(24)
    found = []
    for _ in range(6):
        width.refused(width.hours)
        found.append(width.hours)
    assert found == [12, 6, 3, 1, 1, 1]


def test_given_a_refusal_then_it_grows_by_half_after_each_8_good_windows_up_to_the_configured_width() -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    assert widths(width, 24) == [12] * 7 + [18] * 8 + [24] * 9


def test_given_a_width_of_one_hour_then_it_grows_by_an_hour() -> None:
    width = AdaptiveWidth(2)
    width.refused(2)
    assert widths(width, 8) == [1] * 7 + [2]


def test_given_a_relapse_then_it_waits_for_twice_as_many_good_windows() -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    widths(width, 8)
    width.refused(18)
    assert widths(width, 16) == [9] * 15 + [13]


def test_given_several_refusals_in_a_row_then_each_but_the_first_doubles_the_wait() -> None:
    width = AdaptiveWidth(24)
    for hours in (24, 12, 6):
        width.refused(hours)
    assert widths(width, 32) == [3] * 31 + [4]


def test_given_one_good_window_at_the_configured_width_then_the_next_refusal_is_a_relapse() -> None:
    width = AdaptiveWidth(24)
    width.served(24, SMALL)
    width.refused(24)
    assert widths(width, 16) == [12] * 15 + [18]


@pytest.mark.parametrize("hours", [24, 25])
def test_given_refusals_of_windows_that_were_asked_for_before_then_nothing_changes(hours: int) -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    widths(width, 7)
    width.refused(hours)
    assert width.hours == 12
    assert widths(width, 1) == [18]


def test_given_windows_narrower_than_allowed_then_they_prove_nothing_about_the_width() -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    for _ in range(100):
        width.served(11, SMALL)
    assert width.hours == 12


@pytest.mark.parametrize(
    ("size", "hours"), [(TARGET, 24), (TARGET + 1, 23), (TARGET * 4, 6), (TARGET * 24, 1), (TARGET * 1000, 1)]
)
def test_given_an_archive_above_512_mib_then_it_narrows_in_proportion(size: int, hours: int) -> None:
    width = AdaptiveWidth(24)
    width.served(24, size)
    assert width.hours == hours


def test_given_a_large_archive_of_a_window_that_was_asked_for_before_then_it_does_not_widen() -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    width.refused(12)
    width.served(24, TARGET * 2)
    assert width.hours == 6


def test_given_a_large_archive_then_the_good_windows_before_it_no_longer_count() -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    widths(width, 7)
    width.served(12, TARGET + TARGET // 11)
    assert widths(width, 8) == [11] * 7 + [16]


@pytest.mark.parametrize(("size", "grows"), [(LARGEST_TO_GROW, True), (LARGEST_TO_GROW + 1, False)])
def test_it_grows_only_where_half_as_much_again_stays_below_the_target(size: int, grows: bool) -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    assert (widths(width, 8, size)[-1] == 18) == grows


def test_a_width_is_proven_until_a_refusal_and_again_after_an_answer() -> None:
    width = AdaptiveWidth(24)
    assert width.proven
    width.refused(24)
    assert not width.proven
    width.served(12, TARGET * 2)
    assert width.proven


@given(widest=st.integers(1, 8760), answers=st.lists(st.tuples(st.booleans(), st.integers(0, 2**33)), max_size=100))
def test_given_any_answers_then_the_width_stays_in_its_bounds(widest: int, answers: list[tuple[bool, int]]) -> None:
    width = AdaptiveWidth(widest)
    for refused, size in answers:
        if refused:
            width.refused(width.hours)
        else:
            width.served(width.hours, size)
        assert 1 <= width.hours <= widest
