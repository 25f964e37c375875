import csv
import gzip
import io
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.config.model import Config
from source_amplitude.endpoints.cohort_choice import Quota, check_quota, oldest_cohorts, read_quota
from source_amplitude.endpoints.cohort_file import member_records
from source_amplitude.endpoints.cohorts import CohortMembers
from source_amplitude.errors import ConfigError, UnexpectedError
from source_amplitude.records.coercion import CoercionStats
from unit_tests.answers import an_answer

LOGGER = logging.getLogger("test")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def records(content: bytes) -> list[dict[str, Any]]:
    return list(member_records(io.BytesIO(content), "k2m9xq7", CoercionStats(), with_properties=True))


@given(rows=st.lists(st.tuples(st.integers(0, 2**63 - 1), TEXTS, TEXTS)), gzipped=st.booleans())
def test_every_member_comes_as_it_is_in_the_file(rows: list[tuple[int, str, str]], gzipped: bool) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("amplitude_id", "user_id", "gp:plan"), *rows])
    content = text.getvalue().encode()
    assert records(gzip.compress(content) if gzipped else content) == [
        {
            "cohort_id": "k2m9xq7", "amplitude_id": amplitude_id, "user_id": user_id or None,
            "properties": {"gp:plan": plan},
        }
        for amplitude_id, user_id, plan in rows
    ]  # fmt: skip


def test_given_a_mark_of_the_encoding_blank_lines_and_values_of_any_length_then_they_are_read() -> None:
    [record] = records(b'\xef\xbb\xbf"amplitude_id","user_id","x"\r\n\r\n"7","","' + b"y" * 300_000 + b'"\r\n')
    assert record["amplitude_id"] == 7
    assert record["user_id"] is None
    assert record["properties"] == {"x": "y" * 300_000}


def test_given_a_header_alone_then_no_member() -> None:
    assert records(b'"amplitude_id","user_id"\n') == []


@pytest.mark.parametrize("row", ['"1"', '"1","secret","more"'])
def test_given_a_row_that_is_none_then_an_error_names_its_number_and_not_its_content(row: str) -> None:
    with pytest.raises(UnexpectedError, match=r"Row 2 of the cohort k2m9xq7") as raised:
        records(f'"amplitude_id","user_id"\n"1","a"\n{row}\n'.encode())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("amplitude_id", ["x1", "", "1.5", "9" * 20, "1" * 5000])
def test_given_a_row_without_a_key_then_it_is_left_out_and_counted(amplitude_id: str) -> None:
    stats = CoercionStats()
    content = f'"amplitude_id","user_id"\n"1","a"\n"{amplitude_id}","secret"\n"2",""\n'.encode()
    found = list(member_records(io.BytesIO(content), "k2m9xq7", stats, with_properties=False))
    assert [record["amplitude_id"] for record in found] == [1, 2]
    assert stats.left_out == 1


def test_given_bytes_that_are_no_text_and_nul_then_they_are_replaced_and_counted() -> None:
    stats = CoercionStats()
    content = b'"amplitude_id","user_id"\n"1","\xff"\n"2","a\0b"\n"3","\xc3\xbc"\n'
    found = list(member_records(io.BytesIO(content), "k2m9xq7", stats, with_properties=False))
    assert [record["user_id"] for record in found] == ["\ufffd", "a\ufffdb", "\xfc"]
    assert stats.repaired == 2


def test_given_a_file_of_groups_then_an_error_says_so() -> None:
    with pytest.raises(ConfigError, match="has no column amplitude_id"):
        records(b'"group_id"\n"x"\n')


@pytest.mark.parametrize(
    ("answer", "quota"),
    [
        ({"rest_download": {"limit": 500, "usage": 12, "resets_at": "x"}}, Quota(500, 12)),
        ({"limit": 500, "count": 12}, Quota(500, 12)),
        ({"limit": 500}, None),
        ({"limit": "many", "count": 1}, None),
        ({}, None),
    ],
)
def test_the_quota_is_read_in_each_form_that_was_seen(answer: dict[str, Any], quota: Quota | None) -> None:
    assert read_quota(answer) == quota


def test_given_just_enough_quota_then_no_error_and_with_one_less_there_is() -> None:
    check_quota(Quota(500, 497), 3, LOGGER)
    with pytest.raises(ConfigError, match="3 are needed, 2 of 500 are left"):
        check_quota(Quota(500, 498), 3, LOGGER)
    with pytest.raises(ConfigError, match="1 are needed, 0 of 500 are left"):
        check_quota(Quota(500, 510), 1, LOGGER)


def a_cohort(cohort_id: str, created: int | None, group: str = "User") -> dict[str, Any]:
    return {"id": cohort_id, "createdAt": created, "definition": {"countGroup": {"name": group}}}


def test_given_all_cohorts_then_those_of_users_the_oldest_first_up_to_the_number() -> None:
    listed = [a_cohort("c", 3), a_cohort("a", 1), a_cohort("g", 0, "company"), a_cohort("b", 1), a_cohort("x", None)]
    assert oldest_cohorts(listed, 3, LOGGER) == ["x", "a", "b"]
    assert oldest_cohorts([{"id": "y"}, *listed], 9, LOGGER) == ["x", "y", "a", "b", "c"]


def test_given_listed_cohorts_then_these_in_their_order() -> None:
    listed = {"cohorts": {"selection": "listed", "cohort_ids": ["b", "a"]}}
    config = Config.from_mapping({"api_key": "a", "secret_key": "b", "region": "US", "cohort_members": listed})
    members = CohortMembers(config, lambda *_, **__: an_answer(404)(), LOGGER)  # type: ignore[arg-type]
    assert members.cohorts_to_read() == ["b", "a"]
    assert members.cohorts_to_read(["b"]) == ["a"]
