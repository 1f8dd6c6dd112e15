"""Benchmarks: `python bench/run.py [NAME ..]`."""
