"""Measures cold starts, against the bare import."""

from hotpack.measure.bare import bare_function

__all__ = ["bare_function"]
