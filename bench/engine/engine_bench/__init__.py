"""What the benchmarks of the engine share: places in real files, typing, figures."""
