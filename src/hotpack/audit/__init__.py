"""Holds a tree's libraries against the target: what would not load on Lambda, said before it is."""

from hotpack.audit.findings import Finding, audit
from hotpack.audit.gpu import cpu_build
from hotpack.audit.libraries import Libraries, read_libraries

__all__ = ["Finding", "Libraries", "audit", "cpu_build", "read_libraries"]
