"""Processes: how we start our own, and how they end with us."""
