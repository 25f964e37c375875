"""Reads the table of user profiles: a snapshot of the users that are listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from source_amplitude.config.model import ListedUsers
from source_amplitude.errors import ConfigError
from source_amplitude.spark.tables.table import Json, Table

if TYPE_CHECKING:
    import pyarrow as pa


class ProfilesTable(Table):
    """Reads all listed users in one part: the rate limit is one for the whole organization."""

    @property
    def metadata(self) -> Json:
        return {"primary_keys": ["user_id"], "ingestion_type": "snapshot"}

    def listed_users(self) -> ListedUsers:
        """Returns the users whose profiles are to be read.

        :raises ConfigError: nobody is listed
        """
        users = self.options.config.user_profiles.users
        if not isinstance(users, ListedUsers):
            raise ConfigError(
                "The table user_profiles needs the option user_ids (or device_ids): the users to read, with commas "
                "between."
            )
        return users

    def check(self) -> None:
        self.listed_users()

    def batches(self, part: Json) -> Iterator[pa.RecordBatch]:
        from source_amplitude.spark.profile_rows import read_profiles  # noqa: PLC0415 - only workers need it

        return read_profiles(self.options, self.listed_users(), self.columns)
