"""Reads raw events by hours of `server_upload_time`."""
