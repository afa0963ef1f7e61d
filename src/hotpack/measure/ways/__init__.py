"""The ways to ship a project, side by side: the bare import, ours, and those of other tools.

A way is a name and a function from a project to what the local Lambda needs to run it. Other tools
come from their own registries when they are measured: nothing of theirs is in this repository.
"""

from typing import Final

from hotpack.measure.ways import article, own, serverless, snaploader, zappa
from hotpack.measure.ways.own import bare_function
from hotpack.measure.ways.shipping import Shipped, Way

BARE: Final = own.BARE
OWN: Final = own.WAYS
PEERS: Final[tuple[Way, ...]] = (
    article.WAY,
    zappa.WAY,
    serverless.WAY,
    serverless.UNSTRIPPED,
    snaploader.WAY,
)
WAYS: Final = {way.name: way for way in (*OWN, *PEERS)}
"""All but the bare import, which is always there."""

__all__ = ["BARE", "OWN", "PEERS", "WAYS", "Shipped", "Way", "bare_function"]
