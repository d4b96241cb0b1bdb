"""The measuring library: what ``infill-ls eval`` and the benchmarks of ``bench/`` share.

Cases (holes in files, uses of other files, past edits of a repository), engines to put in between, a
typist, a simulated clock, a driver with its journal, and figures with intervals. What is measured
with them is decided by ``evaluation/`` and ``bench/``.
"""
