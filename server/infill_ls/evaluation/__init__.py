"""Measure what the server writes: on public benchmarks, on a repository, and key by key.

Everything goes through the server's own stages; what is measured with a part of it switched off
says so in its result.
"""
