"""Holds the streams in the terms of the CDK."""
