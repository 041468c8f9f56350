"""Invented data in the formats of the real ones, as the data room's tests use them."""

from tests.data.conftest import toy_dir

__all__ = ["toy_dir"]
