"""The streams in the terms of the CDK."""
