"""What only Airbyte needs: messages on standard output, record batches, estimates, the base of the streams."""
