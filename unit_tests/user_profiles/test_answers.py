import pytest

from source_amplitude.user_profiles.answers import ProfileAction, profile_action

TOO_MANY = '{"error": "Number of requests per minute exceeds system limit. Contact Support."}'
NOT_SEEN = '{"error": "User id and device id not seen before"}'


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (200, "", ProfileAction.READ),
        (400, NOT_SEEN, ProfileAction.UNKNOWN),
        (404, NOT_SEEN, ProfileAction.UNKNOWN),
        (422, NOT_SEEN, ProfileAction.UNKNOWN),
        (404, "", ProfileAction.RETRY),
        (404, "no such thing", ProfileAction.RETRY),
        (400, '{"error": "bad user_id"}', ProfileAction.REJECT),
        (414, "", ProfileAction.REJECT),
        (401, '{"error": "Invalid Api-Key"}', ProfileAction.REFUSED),
        (403, "", ProfileAction.FORBIDDEN),
        (408, "", ProfileAction.RETRY),
        (410, "", ProfileAction.REJECT),
        (429, "", ProfileAction.THROTTLED),
        (500, "", ProfileAction.RETRY),
        (502, "", ProfileAction.RETRY),
        (503, NOT_SEEN, ProfileAction.RETRY),
        (520, "", ProfileAction.RETRY),
        (302, "", ProfileAction.RETRY),
        (204, "", ProfileAction.RETRY),
        (400, TOO_MANY, ProfileAction.THROTTLED),
        (403, TOO_MANY, ProfileAction.THROTTLED),
        (403, NOT_SEEN, ProfileAction.FORBIDDEN),
        (407, "", ProfileAction.FORBIDDEN),
    ],
)
def test_what_an_answer_means(status: int, text: str, expected: ProfileAction) -> None:
    assert profile_action(status, text) is expected
