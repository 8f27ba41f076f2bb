"""Form parts that several features share."""
