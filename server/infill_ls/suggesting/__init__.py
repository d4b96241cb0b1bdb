"""Suggestions: when to ask, when to stop, and which part of a completion is shown."""
