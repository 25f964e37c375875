"""Holds records to their schemas."""
