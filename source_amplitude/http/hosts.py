"""Knows where Amplitude answers, by region.

Facts from https://amplitude.com/docs/apis/analytics/export and https://amplitude.com/docs/apis/analytics/user-profile.
The environment may point elsewhere (operators and tests); a configuration may not, since it could send the keys away.
"""

from __future__ import annotations

import logging
import os
from typing import Literal
from urllib.parse import urlsplit

from source_amplitude.errors import ConfigError

Region = Literal["US", "EU"]
OTHER_REGION: dict[Region, Region] = {"US": "EU", "EU": "US"}

API_URLS: dict[Region, str] = {"US": "https://amplitude.com/", "EU": "https://analytics.eu.amplitude.com/"}
PROFILE_API_URL = "https://profile-api.amplitude.com/"

API_URL_VARIABLE = "AMPLITUDE_API_URL"
PROFILE_API_URL_VARIABLE = "AMPLITUDE_PROFILE_API_URL"
_REGION_PLACEHOLDER = "{region}"


def api_url(region: Region) -> str:
    """Returns scheme and host of the Export API in a region, with a slash at the end.

    AMPLITUDE_API_URL replaces it; `{region}` in it stands for `us` or `eu`.

    :raises ConfigError: that is no address
    """
    return _address(API_URL_VARIABLE, API_URLS[region]).replace(_REGION_PLACEHOLDER, region.lower())


def profile_api_url() -> str:
    """Returns scheme and host of the User Profile API (US only), with a slash; AMPLITUDE_PROFILE_API_URL replaces it.

    :raises ConfigError: that is no address
    """
    return _address(PROFILE_API_URL_VARIABLE, PROFILE_API_URL)


def _address(variable: str, default: str) -> str:
    address = os.environ.get(variable) or default
    try:
        parts = urlsplit(address.replace(_REGION_PLACEHOLDER, "us"))
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError(
            f"The environment variable {variable} holds no address such as https://host:8080: correct it, or unset it "
            "to reach Amplitude."
        )
    return address.rstrip("/") + "/"


def hint_of_override() -> str:
    """Ends a sentence about an answer that makes no sense with a hint at who may have given it."""
    return f" {API_URL_VARIABLE} is set: what answers may not be Amplitude." if os.environ.get(API_URL_VARIABLE) else ""


def regions_differ() -> bool:
    """Tells whether the two regions have two addresses, which an override may change."""
    return api_url("US") != api_url("EU")


def warn_of_overrides(logger: logging.Logger) -> None:
    for variable in (API_URL_VARIABLE, PROFILE_API_URL_VARIABLE):
        if address := os.environ.get(variable):
            logger.warning(f"{variable} is set: requests, with the keys, go to {address} instead of Amplitude")
