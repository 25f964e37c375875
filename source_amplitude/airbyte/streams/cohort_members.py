"""The stream `cohort_members`: a snapshot of who is in which cohort."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.checkpoint.checkpoint_reader import FULL_REFRESH_COMPLETE_STATE

from source_amplitude.airbyte.streams.endpoint import EndpointStream, Messages
from source_amplitude.config.model import Config
from source_amplitude.endpoints.client import Send
from source_amplitude.endpoints.cohort_members import CohortMembers
from source_amplitude.errors import foreign_state

DONE = "cohorts_done"


class CohortMembersStream(EndpointStream):
    """A snapshot that is resumed with the cohort that it stopped at.

    The state of a finished one says "done in this job".
    """

    is_resumable = True
    endpoint: CohortMembers

    def __init__(self, endpoint: type[CohortMembers], config: Config, send: Send, *, in_batches: bool) -> None:
        self._state: MutableMapping[str, Any] = {}
        self._left: list[str] | None = None
        super().__init__(endpoint, config, send, in_batches=in_batches)

    @property
    def state(self) -> MutableMapping[str, Any]:
        return self._state

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        """
        :raises ConfigError: a state that is not of this stream
        """
        if value and value != FULL_REFRESH_COMPLETE_STATE and not isinstance(value.get(DONE), list):
            raise foreign_state(self.name, value, DONE)
        self.log_if_finished(value)
        self._state = value

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Messages:
        """The members of the next cohort. The state moves past it only when all of them are out."""
        done = self._state.get(DONE, [])
        left = self._left = self.endpoint.cohorts_to_read(done) if self._left is None else self._left
        if left:
            yield from self.messages(self.endpoint.members_of(left[0], is_first=not done))
        if not self.endpoint.is_included:
            left = []
        self._state = {DONE: [*done, left[0]]} if len(left) > 1 else dict(FULL_REFRESH_COMPLETE_STATE)
        self._left = left[1:] or None
