"""Crawling: walk a workspace in a separate process."""
