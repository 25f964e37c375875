import pytest

from source_amplitude.http.actions import Action
from source_amplitude.user_profiles.answers import profile_action

TOO_MANY = '{"error": "Number of requests per minute exceeds system limit. Contact Support."}'
NOT_SEEN = '{"error": "User id and device id not seen before"}'


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (200, "", Action.READ),
        (400, NOT_SEEN, Action.UNKNOWN),
        (404, NOT_SEEN, Action.UNKNOWN),
        (422, NOT_SEEN, Action.UNKNOWN),
        (404, "", Action.RETRY),
        (404, "no such thing", Action.RETRY),
        (400, '{"error": "bad user_id"}', Action.REJECTED),
        (414, "", Action.REJECTED),
        (401, '{"error": "Invalid Api-Key"}', Action.REFUSED),
        (403, "", Action.DENIED),
        (408, "", Action.RETRY),
        (410, "", Action.REJECTED),
        (429, "", Action.THROTTLED),
        (500, "", Action.RETRY),
        (502, "", Action.RETRY),
        (503, NOT_SEEN, Action.RETRY),
        (520, "", Action.RETRY),
        (302, "", Action.RETRY),
        (204, "", Action.RETRY),
        (400, TOO_MANY, Action.THROTTLED),
        (403, TOO_MANY, Action.THROTTLED),
        (403, NOT_SEEN, Action.DENIED),
        (407, "", Action.DENIED),
    ],
)
def test_what_an_answer_means(status: int, text: str, expected: Action) -> None:
    assert profile_action(status, text) is expected
