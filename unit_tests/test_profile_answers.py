import pytest

from source_amplitude.user_profiles.answers import Action, profile_action

NOT_SEEN = '{"error": "User id and device id not seen before"}'


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (200, "", Action.READ),
        (400, NOT_SEEN, Action.UNKNOWN),
        (404, NOT_SEEN, Action.UNKNOWN),
        (422, NOT_SEEN, Action.UNKNOWN),
        (404, "", Action.REJECT),
        (404, "no such thing", Action.REJECT),
        (400, '{"error": "bad user_id"}', Action.REJECT),
        (414, "", Action.REJECT),
        (401, '{"error": "Invalid Api-Key"}', Action.REFUSED),
        (403, "", Action.FORBIDDEN),
        (408, "", Action.RETRY),
        (410, "", Action.REJECT),
        (429, "", Action.WAIT),
        (500, "", Action.RETRY),
        (502, "", Action.RETRY),
        (503, NOT_SEEN, Action.RETRY),
        (520, "", Action.RETRY),
        (302, "", Action.REJECT),
        (204, "", Action.REJECT),
    ],
)
def test_what_an_answer_means(status: int, text: str, expected: Action) -> None:
    assert profile_action(status, text) is expected
