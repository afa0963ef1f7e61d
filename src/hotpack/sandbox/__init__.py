"""The local Lambda: functions run as on AWS, on this machine, without Docker and account."""

from hotpack.sandbox.function import Function, Settings
from hotpack.sandbox.isolation import Isolation, PlainFolders, probe
from hotpack.sandbox.outcome import Invocation
from hotpack.sandbox.supervisor import LocalLambda

__all__ = [
    "Function",
    "Invocation",
    "Isolation",
    "LocalLambda",
    "PlainFolders",
    "Settings",
    "probe",
]
