"""What the benchmarks stand on: the rig, the load, the lean upstream."""
