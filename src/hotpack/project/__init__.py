"""The user's project: its configuration, its own code, and where its dependencies are named."""

from hotpack.project.assets import ASSET_PREFIX, Asset, collect_assets
from hotpack.project.code import CodeFile, check_handler, collect_code, included, left_out
from hotpack.project.config import Config, Placement, Project, SlimConfig, Trick, load_project
from hotpack.project.dependencies import Dependencies, find_dependencies
from hotpack.project.secrets import refuse_secrets

__all__ = [
    "ASSET_PREFIX",
    "Asset",
    "CodeFile",
    "Config",
    "Dependencies",
    "Placement",
    "Project",
    "SlimConfig",
    "Trick",
    "check_handler",
    "collect_assets",
    "collect_code",
    "find_dependencies",
    "included",
    "left_out",
    "load_project",
    "refuse_secrets",
]
