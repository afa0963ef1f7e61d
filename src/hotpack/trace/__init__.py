"""Records what a cold start and the sample events touch of the tree: a profile."""

from hotpack.trace.recorders import Choice, Recorder, Witness, choose
from hotpack.trace.strace import INSTALL as INSTALL_STRACE
from hotpack.trace.tracing import check_machine, keep, trace

__all__ = [
    "INSTALL_STRACE",
    "Choice",
    "Recorder",
    "Witness",
    "check_machine",
    "choose",
    "keep",
    "trace",
]
