"""hotpack cache: seen, pruned and cleared."""

from pathlib import Path

import pytest

from .conftest import Hotpack, document


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    return {"HOTPACK_CACHE_DIR": str(tmp_path / "own")}


def test_cache(hotpack: Hotpack, tmp_path: Path, own: dict[str, str]) -> None:
    """It says what is there by kind; prune brings it below a cap, clear leaves nothing."""
    assert hotpack("init", environment=own).returncode == 0
    assert hotpack("build", environment=own).returncode == 0
    held = document(hotpack("cache", "--json", environment=own))
    assert held["folder"] == str(tmp_path / "own")
    assert held["max_bytes"] == 10 * 10**9
    assert held["size_bytes"] == sum(kind["size_bytes"] for kind in held["kinds"])
    assert {"slimmed", "bytecode"} <= {kind["kind"] for kind in held["kinds"]}
    table = hotpack("cache", environment=own).stdout
    assert "listings of slimmed trees" in table
    assert "of at most 10,000.0 MB" in table
    kept = document(hotpack("cache", "prune", "--json", environment=own))
    assert kept == {
        "removed_entries": 0,
        "removed_bytes": 0,
        "size_bytes": held["size_bytes"],
    }
    pruned = document(hotpack("cache", "prune", "--max-gb", "0.00001", "--json", environment=own))
    assert pruned["removed_entries"]
    assert pruned["size_bytes"] <= 10_000
    assert "removed" in hotpack("cache", "clear", environment=own).stdout
    assert document(hotpack("cache", "--json", environment=own))["kinds"] == []
    assert hotpack("build", environment=own).returncode == 0


def test_a_command_keeps_to_the_cap(hotpack: Hotpack, own: dict[str, str]) -> None:
    """A wrong cap is an error that names the variable, at every command that uses the cache."""
    wrong = {**own, "HOTPACK_CACHE_MAX_GB": "much"}
    hotpack("init", environment=own)
    for command in ("build", "cache"):
        done = hotpack(command, environment=wrong)
        assert done.returncode == 1
        assert "HOTPACK_CACHE_MAX_GB is 'much'" in done.stderr


def test_max_gb_is_for_prune(hotpack: Hotpack, own: dict[str, str]) -> None:
    """An option that would be ignored is a wrong call."""
    assert hotpack("cache", "clear", "--max-gb", "1", environment=own).returncode == 2
