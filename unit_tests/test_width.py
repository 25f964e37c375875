from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.export.width import FIRST_PATIENCE, TARGET_ARCHIVE_BYTES, AdaptiveWidth


def test_given_a_refusal_then_half_of_what_was_asked_and_the_size_that_worked_is_kept() -> None:
    width = AdaptiveWidth(24)
    for hours in (24, 12, 6):
        width.refused(hours)
    assert width.hours == 3
    for _ in range(FIRST_PATIENCE):
        width.served(3, 1000)
    assert width.hours == 3, "several refusals in a row make it patient"


def test_given_refusals_of_windows_that_were_asked_for_before_then_it_narrows_once() -> None:
    width = AdaptiveWidth(24)
    for _ in range(3):
        width.refused(24)
    assert width.hours == 12


def test_given_success_then_it_grows_back_but_never_above_the_configured_width() -> None:
    width = AdaptiveWidth(24)
    width.refused(24)
    for _ in range(200):
        width.served(width.hours, 1000)
    assert width.hours == 24


def test_given_a_large_archive_then_it_narrows_in_proportion() -> None:
    width = AdaptiveWidth(24)
    width.served(24, TARGET_ARCHIVE_BYTES * 4)
    assert width.hours == 6


@given(widest=st.integers(1, 8760), answers=st.lists(st.tuples(st.booleans(), st.integers(0, 2**33)), max_size=100))
def test_given_any_answers_then_the_width_stays_in_its_bounds(widest: int, answers: list[tuple[bool, int]]) -> None:
    width = AdaptiveWidth(widest)
    for refused, size in answers:
        if refused:
            width.refused(width.hours)
        else:
            width.served(width.hours, size)
        assert 1 <= width.hours <= widest
