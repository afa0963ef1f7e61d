"""Makes a tree smaller, and ready to import, without loss: named rules, each reported."""

from hotpack.slim.rules import RuleReport
from hotpack.slim.slimmer import Slimmed, slim

__all__ = ["RuleReport", "Slimmed", "slim"]
