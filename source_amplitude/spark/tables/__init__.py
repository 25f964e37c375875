"""A class for each kind of table that Spark can read: events, profiles, lists, and tables with numbers a day."""
