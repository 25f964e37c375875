"""Holds a class for each kind of table that Spark can read: events, profiles, lists, and tables by day."""
