"""Tables of faults of the Export API: those that pass, and those that stay."""

from datetime import datetime, timezone

from amplitude_simulator import Fault
from harness.moments import FIRST_HOUR
from integration_tests.faults.expect import LAST_HOUR

INVALID_KEY = (
    b'{"error": {"http_code": 403, "type": "invalid", "message": "Forbidden", '
    b'"metadata": {"details": "Invalid API Key"}}}'
)


MIDDLE_HOUR = datetime(2024, 3, 14, 10, tzinfo=timezone.utc)


PLACES = {"first": FIRST_HOUR, "middle": MIDDLE_HOUR, "last": LAST_HOUR}


# Each of these passes after some tries: every event comes, once.
PASSING = {
    "500": Fault("status", status=500, times=2),
    "502": Fault("status", status=502, times=2),
    "503": Fault("status", status=503, times=4),
    "520 of an edge": Fault("status", status=520, times=1),
    "408": Fault("status", status=408, times=1),
    "429": Fault("status", status=429, times=3),
    "429 with seconds": Fault("status", status=429, headers={"Retry-After": "1"}, times=1),
    "429 with a date": Fault("status", status=429, headers={"Retry-After": "Fri, 15 Mar 2024 23:10:01 GMT"}, times=1),
    "429 with nonsense": Fault("status", status=429, headers={"Retry-After": "soon"}, times=1),
    "404 of a proxy": Fault("status", status=404, headers={"Content-Type": "text/html"}, times=1),
    "404 of a proxy, typed otherwise": Fault("status", status=404, headers={"Content-Type": "Text/HTML"}, times=1),
    "404 without a word": Fault("status", status=404, body=b"", times=1),
    "404 of a gateway": Fault("status", status=404, body=b'{"message":"no Route matched with those values"}', times=1),
    "404 of a storage": Fault("status", status=404, body=b"<Error><Code>NoSuchKey</Code></Error>", times=1),
    "302 to a 404": Fault("status", status=302, headers={"Location": "/nowhere"}, times=1),
    "204": Fault("status", status=204, body=b"", times=1),
    "302 to nowhere": Fault("status", status=302, times=1),
    "403 of a firewall": Fault("status", status=403, body=b"Blocked by your organization", times=2),
    "400 too large": Fault("status", status=400, times=1),
    "413": Fault("status", status=413, times=1),
    "504": Fault("status", status=504, times=1),
    "reset before the answer": Fault("reset", times=2),
    "reset in the body": Fault("reset_body", at=2000, times=2),
    "cut at the first byte": Fault("truncate", at=1, times=1),
    "cut in a ZIP header": Fault("truncate", at=20, times=1),
    "cut in a member": Fault("truncate", at=0.5, times=2),
    "cut in the directory": Fault("truncate", at=-60, times=1),
    "cut at the last byte": Fault("truncate", at=-1, times=1),
    "cut quietly at the first byte": Fault("truncate_quietly", at=1, times=1),
    "cut quietly in a ZIP header": Fault("truncate_quietly", at=20, times=1),
    "cut quietly in a member": Fault("truncate_quietly", at=0.5, times=2),
    "cut quietly in the directory": Fault("truncate_quietly", at=-60, times=1),
    "cut quietly at the last byte": Fault("truncate_quietly", at=-1, times=1),
    "lost bytes at the front": Fault("lost_bytes", at=0, times=2),
    "lost bytes in the middle": Fault("lost_bytes", at=0.5, times=2),
    "wrong zip crc": Fault("zip_crc", times=2),
    "wrong gzip crc": Fault("gzip_crc", times=2),
    "cut gzip": Fault("gzip_cut", times=2),
    "html": Fault("html", times=2),
    "rate-limit text": Fault("text", times=2),
}


# Each of these stays: an error, and a state that the next sync continues from.
STAYING = {
    "401": (Fault("status", status=401), "config_error", "Check your api_key and secret_key."),
    "403 with the keys' fault": (
        Fault("status", status=403, body=INVALID_KEY),
        "config_error",
        "The region is set to US",
    ),
    "403 of a plan": (
        Fault("status", status=403, body=b'{"error": "not included in your plan"}'),
        "config_error",
        "not included in your plan",
    ),
    "404 in other words": (
        Fault("status", status=404, body=b"no Route matched"),
        "transient_error",
        "no Route matched",
    ),
    "404 without a word": (Fault("status", status=404, body=b""), "transient_error", "failed 5 times"),
    "407 of a proxy": (Fault("status", status=407), "config_error", "proxy"),
    "400 to one hour": (Fault("status", status=400, body=b"exceeds the maximum of 4GB"), "config_error", "S3 export"),
    "400 for ever": (
        Fault("status", status=400, body=b"Export is not supported for cross-project views"),
        "config_error",
        "(400 Export is not supported for cross-project views)",
    ),
    "413 to one hour": (Fault("status", status=413), "config_error", "S3 export"),
    "504 to one hour": (Fault("status", status=504), "transient_error", "failed 5 times"),
    "500": (Fault("status", status=500), "transient_error", "failed 5 times"),
    "503": (Fault("status", status=503), "transient_error", "failed 5 times"),
    "reset": (Fault("reset"), "transient_error", "failed 5 times"),
    "reset in the body": (Fault("reset_body"), "transient_error", "failed 5 times"),
    "cut": (Fault("truncate"), "transient_error", "failed 5 times"),
    "cut quietly": (Fault("truncate_quietly"), "transient_error", "not a whole archive"),
    "html": (Fault("html"), "transient_error", "text/html"),
    "rate-limit text": (Fault("text"), "transient_error", "text/plain"),
    "lost bytes at the front": (Fault("lost_bytes", at=0), "transient_error", "not a whole archive"),
    "lost bytes in the middle": (Fault("lost_bytes", at=0.5), "transient_error", "not a whole archive"),
    "wrong zip crc": (Fault("zip_crc"), "transient_error", "CRC"),
    "wrong gzip crc": (Fault("gzip_crc"), "transient_error", "was damaged 5 times"),
    "cut gzip": (Fault("gzip_cut"), "transient_error", "was damaged 5 times"),
    "418": (Fault("status", status=418), "system_error", "unexpected answer"),
    "302 to nowhere": (Fault("status", status=302), "transient_error", "failed 5 times"),
}
