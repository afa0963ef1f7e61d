"""Shared libraries and executables as files: what they need of a system, what can be cut off."""

from hotpack.binaries.cut import Cut, cut, same_for_loader
from hotpack.binaries.library import Library, read_library

__all__ = ["Cut", "Library", "cut", "read_library", "same_for_loader"]
