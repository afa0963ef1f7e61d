"""From named dependencies to installed files. The only room that runs uv."""

from hotpack.install.environment import Environment, install_environment
from hotpack.install.installer import Lock, install, install_runtime_client, lock
from hotpack.install.tree import EMPTY_TREE, Distribution, File, Kind, Tree
from hotpack.install.uv import Uv
from hotpack.install.wheels import Wheel, Wheels

__all__ = [
    "EMPTY_TREE",
    "Distribution",
    "Environment",
    "File",
    "Kind",
    "Lock",
    "Tree",
    "Uv",
    "Wheel",
    "Wheels",
    "install",
    "install_environment",
    "install_runtime_client",
    "lock",
]
