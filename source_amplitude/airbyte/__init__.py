"""Holds what only Airbyte needs: the command, its messages and files, TRACE messages, and the streams of the CDK."""
