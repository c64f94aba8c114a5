"""Benchmarks: each prints a small table and a JSON line, with its effective settings."""
