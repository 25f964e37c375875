"""Strategies of Hypothesis that several modules of tests use."""

import json
import re
import sys
from typing import Any

from hypothesis import strategies as st

# Levels of JSON at which the parser gives up: since Python 3.12 the stack of C has a limit of its own.
TOO_DEEP = 1_000 if sys.version_info < (3, 12) else 20_000

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def without_nul(value: Any) -> Any:
    return json.loads(re.sub(r"(?<!\\)((?:\\\\)*)\\u0000", r"\1\\ufffd", json.dumps(value)))
