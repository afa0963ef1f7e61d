"""The cache: what it keeps, what it removes, and who keeps it from doing so."""

import contextlib
import fcntl
import os
import threading
from pathlib import Path

import pytest

from hotpack.cache import Cache, Holding, census, max_bytes_of, prune, tidy
from hotpack.cache.store import open_lock
from hotpack.errors import CacheInUseError, ConfigError

KEYS = [f"{number:02x}" * 32 for number in range(6)]
PAGE = 4096


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def filled(root: Path) -> Path:
    """A cache nobody uses: six entries of a page each, the first used longest ago."""
    cache = Cache(root)
    for number, key in enumerate(KEYS):
        if number % 2:
            with cache.folder("trees", key) as folder:
                (folder / "file").write_bytes(b"x")
        else:
            cache.put("frames", key, b"x")
        age(cache.path("trees" if number % 2 else "frames", key), number)
    cache.release()
    return root


def age(path: Path, used_s: float) -> None:
    os.utime(path, (used_s, used_s))


def keys(root: Path) -> list[str]:
    return sorted(entry.path.name for entry in census(root))


def test_the_census_has_every_entry_with_its_size(filled: Path) -> None:
    """Entries count by kind, what a folder weighs is what its files take on disk."""
    trees, frames = sorted(Holding.of(census(filled)), key=lambda item: item.kind, reverse=True)
    assert (trees.kind, trees.entries, trees.size_bytes) == ("trees", 3, 3 * PAGE)
    assert (frames.kind, frames.entries, frames.size_bytes) == ("frames", 3, 3 * PAGE)
    assert (frames.oldest_s, frames.newest_s) == (0, 4)


def test_a_folder_is_weighed_once(filled: Path) -> None:
    """A census after the first takes folders' sizes from what the first wrote down."""
    census(filled)
    (filled / "trees" / KEYS[1][:2] / KEYS[1] / "file").write_bytes(b"x" * 3 * PAGE)
    assert sum(entry.size_bytes for entry in census(filled)) == len(KEYS) * PAGE


def test_prune_removes_what_was_used_least_recently(filled: Path) -> None:
    """Entries go, the least recently used first, until the rest is within the cap."""
    pruned = prune(filled, 2 * PAGE)
    assert (pruned.removed_entries, pruned.removed_bytes) == (4, 4 * PAGE)
    assert pruned.size_bytes == 2 * PAGE
    assert keys(filled) == KEYS[4:]


def test_looking_an_entry_up_is_using_it(filled: Path) -> None:
    """The oldest entry stays once somebody has asked for it."""
    cache = Cache(filled)
    assert cache.path("frames", KEYS[0]).is_file()
    cache.release()
    prune(filled, PAGE)
    assert keys(filled) == KEYS[:1]


def test_clearing_leaves_nothing(filled: Path) -> None:
    """With a cap of nothing every entry goes, and no waste is left behind."""
    prune(filled, 0)
    files = {path.name for path in filled.rglob("*") if path.is_file()}
    assert files <= {"lock", "sizes.json"}
    assert not list(filled.glob(".waste-*"))


def test_within_the_cap_only_leftovers_go(filled: Path) -> None:
    """What a killed build left half-written goes, whole entries stay."""
    left = filled / "trees" / "00" / ".00000000-killed"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    assert prune(filled, 10**9).removed_entries == 1
    assert not left.exists()
    assert keys(filled) == KEYS


def test_nothing_is_pruned_while_somebody_uses_the_cache(filled: Path) -> None:
    """From its first question on, a build keeps others from pruning, until it has ended."""
    build = Cache(filled)
    build.path("frames", KEYS[0])
    with pytest.raises(CacheInUseError):
        prune(filled, 0)
    assert keys(filled) == KEYS
    build.release()
    assert prune(filled, 0).removed_entries == len(KEYS)


def test_a_build_waits_for_a_prune(filled: Path) -> None:
    """Who asks for an entry while another process removes some waits for it to end."""
    asked = threading.Event()

    def build() -> None:
        Cache(filled).path("frames", KEYS[0])
        asked.set()

    lock = open_lock(filled)
    fcntl.flock(lock, fcntl.LOCK_EX)
    waiting = threading.Thread(target=build)
    waiting.start()
    assert not asked.wait(0.05)
    os.close(lock)
    waiting.join()
    assert asked.is_set()


def test_what_is_held_stays(filled: Path) -> None:
    """An entry that somebody runs stays, however little room there is."""
    cache = Cache(filled)
    with cache.hold(cache.path("trees", KEYS[1])):
        cache.release()
        prune(filled, 0)
        assert keys(filled) == [KEYS[1]]
    prune(filled, 0)
    assert keys(filled) == []


def test_an_entry_is_as_good_as_the_files_that_it_names(filled: Path) -> None:
    """`has` marks the entries of all files as used, and says whether one is gone."""
    cache = Cache(filled)
    files = [cache.root / "trees" / KEYS[1][:2] / KEYS[1] / "file", cache.path("frames", KEYS[2])]
    age(files[0].parent, 1)
    assert cache.has(files)
    assert files[0].parent.stat().st_mtime > 1
    cache.release()
    prune(filled, PAGE)
    assert not cache.has(files)


def test_tidying_spares_what_was_used_lately(filled: Path) -> None:
    """hotpack itself prunes only what nobody used for an hour, and looks every ten minutes."""
    now_s = 3603.5
    assert tidy(filled, 0, now_s=now_s) is not None
    assert keys(filled) == KEYS[4:]
    age(filled / "looked", now_s)
    assert tidy(filled, 0, now_s=now_s + 300) is None
    assert tidy(filled, 0, now_s=now_s + 700) is not None
    assert keys(filled) == []


def test_tidying_never_fails(filled: Path) -> None:
    """While another command uses the cache there is nothing to tidy, and no error."""
    build = Cache(filled)
    build.path("frames", KEYS[0])
    assert tidy(filled, 0, now_s=1e9) is None
    assert keys(filled) == KEYS


def test_a_missing_cache_is_an_empty_one(root: Path) -> None:
    """Looking at a cache that is not there, or pruning it, makes none."""
    assert census(root) == []
    assert prune(root, 0).size_bytes == 0
    assert not root.exists()


def test_an_interrupted_folder_is_no_entry(root: Path) -> None:
    """What fails before its end leaves nothing behind."""
    cache = Cache(root)
    with contextlib.suppress(RuntimeError), cache.folder("trees", KEYS[0]) as folder:
        (folder / "file").write_bytes(b"x")
        raise RuntimeError
    assert census(root) == []


@pytest.mark.parametrize(("text", "size"), [("2", 2 * 10**9), ("0.5", 5 * 10**8), ("", 10**10)])
def test_the_cap_comes_from_the_environment(text: str, size: int) -> None:
    """HOTPACK_CACHE_MAX_GB is in gigabytes of 10^9 bytes; empty is as if it were not set."""
    assert max_bytes_of({"HOTPACK_CACHE_MAX_GB": text}) == size


@pytest.mark.parametrize("text", ["ten", "-1", "nan", "inf"])
def test_a_wrong_cap_is_an_error(text: str) -> None:
    """What is no number of gigabytes is said, not ignored."""
    with pytest.raises(ConfigError, match="HOTPACK_CACHE_MAX_GB"):
        max_bytes_of({"HOTPACK_CACHE_MAX_GB": text})
