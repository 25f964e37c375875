"""What is taken out of a line of output, and what is left as it is."""

import json

import pytest

from source_amplitude.airbyte.redaction import redacted


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ('"GET /v1/userprofile?user_id=ada HTTP/1.1" 200 None', '"GET /v1/userprofile?**** HTTP/1.1" 200 None'),
        ("with url: /x?y=1 (Caused by: refused)", "with url: /x?**** (Caused by: refused)"),
        ("for url: https://host?user_id=ada\nnext line?", "for url: https://host?****\nnext line?"),
        ('/x?user_id="ada" and \\ more', "/x?**** and \\ more"),
        ("/x?user_id=ada\\bert", "/x?****"),
        ("/x?user_id=a'da)b", "/x?****"),
        ("/x?user_id=ünïcödé", "/x?****"),
        ("proxy http://ada:secret@proxy:3128/ refuses", "proxy http://****@proxy:3128/ refuses"),
        ("Is that so? 24/7? Yes.", "Is that so? 24/7? Yes."),
        ("documentation: https://amplitude.com/docs/apis/analytics/export", None),
        ("the file /tmp/a b/config.json does not hold a JSON object", None),
    ],
)
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_queries_and_passwords_are_taken_out(told: str, left: str | None, ensure_ascii: bool) -> None:
    line = json.dumps({"type": "LOG", "log": {"message": told}}, ensure_ascii=ensure_ascii)
    assert json.loads(redacted(line)) == {"type": "LOG", "log": {"message": told if left is None else left}}


@pytest.mark.parametrize("kind", ["RECORD", "STATE", "CATALOG", "SPEC"])
def test_data_is_left_as_it_is(kind: str) -> None:
    line = json.dumps({"type": kind, "page": "/products/1?ref=alpha"}, separators=(",", ":"))
    assert redacted(line) == line
