"""What the package exports."""

import importlib

import pytest


@pytest.mark.parametrize(
    "room", ["install", "layout", "measure", "pack", "project", "sandbox", "slim", "target"]
)
def test_all_is_there(room: str) -> None:
    """Every room's `__all__` names what there is; ruff keeps it sorted."""
    module = importlib.import_module(f"hotpack.{room}")
    assert module.__all__
    assert all(hasattr(module, name) for name in module.__all__)
