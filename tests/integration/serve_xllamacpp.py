"""Program that serves a GGUF file with xllamacpp's llama-server until its standard input closes.

usage: serve_xllamacpp.py MODEL PORT
"""

from __future__ import annotations

import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.port = int(sys.argv[2])
parameters.n_ctx = 4096
parameters.n_parallel = 2
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)
sys.stdin.read()
