"""Holds the configuration: its values, the form that asks for them, and the checks of both."""
