"""Holds what was built against the full install: its imports, and its cold starts."""

from hotpack.measure.cold_starts import Comparison, compare_cold_starts
from hotpack.measure.smoke import Smoke, smoke_check
from hotpack.measure.ways import bare_function

__all__ = ["Comparison", "Smoke", "bare_function", "compare_cold_starts", "smoke_check"]
