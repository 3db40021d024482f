"""Benchmarks: run by hand, never inside tests."""
