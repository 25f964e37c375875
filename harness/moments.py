"""When it is in most simulated projects, for tests and the demo: their first hour, and the time of day at Amplitude."""

from datetime import datetime, timedelta, timezone

DAY = timedelta(days=1)
FIRST_HOUR = datetime(2024, 3, 13, tzinfo=timezone.utc)
NOW = datetime(2024, 3, 15, 23, 10, tzinfo=timezone.utc)  # 69 hours are complete
