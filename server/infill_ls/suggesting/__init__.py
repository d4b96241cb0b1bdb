"""When to suggest, when to stop, and what of a completion is shown."""
