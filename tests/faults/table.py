"""All faults, in one table."""

from typing import Final

from .data import data_faults
from .machine import machine_faults
from .matrix import Fault
from .network import network_faults
from .user import user_faults

FAULTS: Final[tuple[Fault, ...]] = (
    *network_faults(),
    *data_faults(),
    *machine_faults(),
    *user_faults(),
)
