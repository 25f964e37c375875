"""Records: their schemas, and values held to the declared types."""
