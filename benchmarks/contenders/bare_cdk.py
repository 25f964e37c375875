"""The yardstick: the least that a stream of today's CDK has to do, with no conversions and the archive in memory."""

import gzip
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConnectorSpecification
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.streams.http import HttpStream
from requests.auth import HTTPBasicAuth


class Events(HttpStream):
    name = "events"
    primary_key = "uuid"
    url_base = os.environ["AMPLITUDE_API_URL"] + "/"

    def path(self, **_: Any) -> str:
        return "api/2/export"

    def get_json_schema(self) -> Mapping[str, Any]:
        return {"type": "object", "properties": {}}

    def stream_slices(self, **_: Any) -> Iterable[Mapping[str, str]]:
        windows = os.environ["WINDOWS"].split(",")
        return [dict(zip(("start", "end"), window.split("-"), strict=True)) for window in windows]

    def request_params(self, stream_slice: Any = None, **_: Any) -> dict[str, str]:
        return dict(stream_slice)

    def next_page_token(self, response: Any) -> None:
        return None

    def parse_response(self, response: Any, **_: Any) -> Iterable[Mapping[str, Any]]:
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            for name in archive.namelist():
                with archive.open(name) as member, gzip.open(member) as lines:
                    yield from map(json.loads, lines)


class Source(AbstractSource):
    def check_connection(self, logger: Any, config: Any) -> tuple[bool, Any]:
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Any]:
        return [Events(authenticator=HTTPBasicAuth(config["api_key"], config["secret_key"]))]

    def spec(self, logger: Any) -> Any:
        return ConnectorSpecification(connectionSpecification={})


launch(Source(), sys.argv[1:])
