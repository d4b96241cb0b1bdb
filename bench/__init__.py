"""Benchmarks, each a module to be run from the root of a checkout; ``bench/README.md`` lists them.

What they share with ``infill-ls eval`` is in ``infill_ls.measuring``.
"""
