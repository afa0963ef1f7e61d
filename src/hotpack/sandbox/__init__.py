"""The local Lambda: functions run as on AWS, on this machine, without Docker and account."""

from hotpack.sandbox.bucket import Bucket
from hotpack.sandbox.control_groups import ControlGroups
from hotpack.sandbox.enclosure import Escort, Isolation
from hotpack.sandbox.enforcement import Enforcement, enforcement
from hotpack.sandbox.function import Function, Settings
from hotpack.sandbox.function_url import FunctionUrl
from hotpack.sandbox.invoke_api import InvokeApi
from hotpack.sandbox.isolation import PlainFolders
from hotpack.sandbox.machine import Machine, probe
from hotpack.sandbox.network import Network
from hotpack.sandbox.outcome import Invocation
from hotpack.sandbox.package import check_direct_upload
from hotpack.sandbox.reloading import Reloading
from hotpack.sandbox.supervisor import LocalLambda

__all__ = [
    "Bucket",
    "ControlGroups",
    "Enforcement",
    "Escort",
    "Function",
    "FunctionUrl",
    "Invocation",
    "InvokeApi",
    "Isolation",
    "LocalLambda",
    "Machine",
    "Network",
    "PlainFolders",
    "Reloading",
    "Settings",
    "check_direct_upload",
    "enforcement",
    "probe",
]
