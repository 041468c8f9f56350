"""Capture human disagreement with smaller text classifiers.

The package imports nothing heavy: take what you need from its modules, for instance
``from ambiguity_lib.metrics import kl_divergence``.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
