"""What the package exports."""

import importlib

import pytest

import hotpack


def test_package() -> None:
    """The package's own names are there, without being imported before they are asked for."""
    assert all(getattr(hotpack, name) for name in hotpack.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hotpack.nothing  # noqa: B018


@pytest.mark.parametrize(
    "room",
    [
        "audit",
        "binaries",
        "install",
        "inventory",
        "layout",
        "measure",
        "pack",
        "project",
        "sandbox",
        "slim",
        "target",
    ],
)
def test_all_is_there(room: str) -> None:
    """Every room's `__all__` names what there is; ruff keeps it sorted."""
    module = importlib.import_module(f"hotpack.{room}")
    assert module.__all__
    assert all(hasattr(module, name) for name in module.__all__)
