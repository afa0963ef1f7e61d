"""Holds what was built against the full install: its imports, and its cold starts."""

from hotpack.measure.bare import bare_function
from hotpack.measure.smoke import Smoke, smoke_check

__all__ = ["Smoke", "bare_function", "smoke_check"]
