"""Performance comparisons, side by side on the same work: ``python -m benchmarks [NAME ...]``."""
