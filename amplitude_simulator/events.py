"""Generated events that look like real ones: about 2 KB, nested bags, unicode, integers of 19 digits. Seeded."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

EVENT_TYPES = [
    "page viewed",
    "search",
    "add to cart",
    "checkout started",
    "order completed",
    "[Amplitude] Start Session",
]
CITIES = [("Germany", "Bavaria", "München"), ("Japan", "Tokyo", "東京"), ("United States", "California", "San José"),
          ("Brazil", "São Paulo", "São Paulo"), ("Iceland", "Capital Region", "Reykjavík")]  # fmt: skip
PLANS = ["free", "team", "business 🚀", "enterprise"]
WORDS = [
    "alpha",
    "straße",
    'quote " and \\ backslash',
    "naïve",
    "line\nbreak",
    "emoji 🎉",
    "tab\there",
    "плюс",
    "delta",
]
SESSION_SECONDS = 45 * 60


@lru_cache(maxsize=100_000)
def event_uuid(seed: int, hour: datetime, index: int) -> str:
    """The uuid of one event, without making the event."""
    digest = blake2b(f"{seed}/{hour:%Y%m%d%H}/{index}".encode(), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))


def amplitude_id(user: int) -> int:
    """The number by which Amplitude knows a user, beyond what a float can tell apart."""
    return 9_007_199_254_740_993 + user


def timestamp(moment: datetime) -> str:
    """Amplitude's form: a space, UTC, no zone, microseconds."""
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


@dataclass(frozen=True)
class Population:
    """Who has events.

    :param users: how many users there are
    :param first_hour: when the first of them arrive, if there are
    :param arrivals_per_day: new users each day, most of whom do not come back for long; 0: all users are there always
    """

    users: int
    first_hour: datetime
    arrivals_per_day: int = 0

    def somebody(self, chance: random.Random, moment: datetime) -> int:
        """The number of a user who has an event at this moment."""
        if not self.arrivals_per_day:
            return chance.randrange(self.users)
        day = max(0, (moment - self.first_hour).days)
        arrived = day - min(day, int(chance.expovariate(0.5)))
        return arrived * self.arrivals_per_day + chance.randrange(self.arrivals_per_day)


def event_lines(
    seed: int, hour: datetime, count: int, population: Population, payload_characters: int
) -> Iterator[bytes]:
    """The events that were uploaded in an hour, one JSON line each, in no order of time, as Amplitude has them.

    :param payload_characters: length of an incompressible text in the properties of each event
    """
    chance = random.Random(f"{seed}/{hour:%Y%m%d%H}")
    for index in range(count):
        event = an_event(chance, seed, hour, index, population, payload_characters)
        yield json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


@lru_cache(maxsize=256)
def lines_of_a_small_hour(
    seed: int, hour: datetime, count: int, population: Population, payload_characters: int
) -> tuple[bytes, ...]:
    """What `event_lines` makes, kept for whoever asks again: tests ask for the same hours thousands of times."""
    return tuple(event_lines(seed, hour, count, population, payload_characters))


def session_of(user: int, moment: datetime) -> int:
    """The session that a user is in: its start in milliseconds; the users' sessions begin at different minutes."""
    seconds = int(moment.timestamp())
    return (seconds - (seconds - 97 * user) % SESSION_SECONDS) * 1000


def an_event(
    chance: random.Random, seed: int, hour: datetime, index: int, population: Population, payload_characters: int
) -> dict[str, object]:
    uploaded = hour + timedelta(microseconds=chance.randrange(3_600_000_000))
    late = (
        timedelta(days=chance.randrange(1, 20)) if chance.random() < 0.02 else timedelta(seconds=chance.randrange(90))
    )
    happened = uploaded - late
    user = population.somebody(chance, happened)
    country, region, city = CITIES[user % len(CITIES)]
    anonymous = user % 10 == 9
    event_properties = {
        "page": f"/products/{chance.randrange(10_000)}?ref={chance.choice(WORDS)}",
        "price": round(chance.uniform(0.01, 5000), 2),
        "quantity": chance.randrange(1, 9),
        "order id": chance.randrange(10**18, 10**19 - 1),
        "in stock": chance.random() < 0.9,
        "coupon": None,
        "items": [{"sku": f"SKU-{chance.randrange(10**6):06}", "name": chance.choice(WORDS), "tags": ["new", "sale"]}
                  for _ in range(chance.randrange(1, 3))],
        "dimensions": {"width": chance.random(), "unit": "cm"},
        "experiment": {"name": "checkout-v2", "variant": chance.choice("ABC")},
        "referrer": "https://example.com/?q=" + chance.choice(WORDS),
        "load time ms": chance.randrange(5, 4000),
    }  # fmt: skip
    if payload_characters:
        event_properties["payload"] = chance.randbytes(payload_characters // 2).hex()
    return {
        "server_received_time": timestamp(uploaded - timedelta(milliseconds=4)),
        "app": 123456,
        "device_carrier": None,
        "$schema": 12,
        "city": city,
        "user_id": None if anonymous else f"user-{user}@example.com",
        "uuid": event_uuid(seed, hour, index),
        "event_time": timestamp(happened),
        "platform": chance.choice(["Web", "iOS", "Android"]),
        "os_version": f"{chance.randrange(9, 18)}.{chance.randrange(9)}",
        "amplitude_id": amplitude_id(user),
        "processed_time": timestamp(uploaded + timedelta(seconds=2)),
        "user_creation_time": timestamp(happened - timedelta(days=user % 700)),
        "version_name": f"4.{chance.randrange(20)}.0",
        "ip_address": f"203.0.113.{user % 256}",
        "paying": True if user % 7 == 0 else None,
        "dma": None,
        "group_properties": {"company": {f"Company {user % 50}": {"seats": user % 500}}} if user % 3 == 0 else {},
        "user_properties": {
            "plan": PLANS[user % len(PLANS)],
            "signup date": f"{happened - timedelta(days=user % 700):%Y-%m-%d}",
            "lifetime value": round(user * 1.37, 2),
            "account number": 10**18 + user,
            "interests": [chance.choice(WORDS), chance.choice(WORDS)],
            "initial_utm_source": "newsletter",
            "settings": {"theme": "dark", "push": False},
        },
        "client_upload_time": timestamp(uploaded - timedelta(milliseconds=300)),
        "$insert_id": f"{chance.getrandbits(128):032x}",
        "event_type": chance.choice(EVENT_TYPES),
        "library": "amplitude-ts/2.3.4",
        "amplitude_attribution_ids": None,
        "device_type": "Apple iPhone" if user % 2 else "Windows",
        "device_manufacturer": "Apple" if user % 2 else None,
        "device_brand": None,
        "device_model": "iPhone 14 Pro" if user % 2 else None,
        "start_version": "3.0.1",
        "location_lng": None,
        "location_lat": None,
        "server_upload_time": timestamp(uploaded),
        "event_id": chance.randrange(2**31, 2**33),
        "os_name": chance.choice(["Chrome", "Safari", "ios", "android"]),
        "amplitude_event_type": None,
        "groups": {"company": [f"Company {user % 50}"]} if user % 3 == 0 else {},
        "event_properties": event_properties,
        "data": {"path": "/2/httpapi", "group_first_event": {}},
        "data_type": "event",
        "device_id": f"{user:08X}-F01A-4BD9-95C6-8E5357DF265D",
        "language": "Deutsch",
        "device_family": "iPhone" if user % 2 else "Windows",
        "country": country,
        "region": region,
        "session_id": -1 if user % 11 == 0 else session_of(user, happened),
        "is_attribution_event": False,
        "adid": None,
        "idfa": None,
        "sample_rate": None,
        "client_event_time": timestamp(happened - timedelta(milliseconds=120)),
        "global_user_properties": {},
        "partner_id": None,
        "plan": {},
        "source_id": None,
    }
