"""What fuzzing found stays mended, and what hypothesis makes up is read or refused in one line."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .reading import CORPUS, fuzz_one

SEEDS = sorted(CORPUS.iterdir())


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_corpus(seed: Path, tmp_path: Path) -> None:
    """Each input of the corpus is read or refused in one line, and leaves nothing outside."""
    fuzz_one(seed.read_bytes(), tmp_path)


EDITS = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=8)


@settings(
    deadline=None,
    max_examples=300,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(SEEDS), EDITS, st.integers(0, 2**16))
def test_edited(tmp_path: Path, seed: Path, edits: list[tuple[int, int]], end: int) -> None:
    """Nor does what some bytes are changed of, and what is cut short."""
    data = bytearray(seed.read_bytes())
    for place, byte in edits:
        data[1 + place % (len(data) - 1)] = byte
    fuzz_one(bytes(data[: max(1, end)] if end < len(data) else data), tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
MANIFEST = json.loads((CORPUS / "sealed").read_bytes()[1:])


@settings(
    deadline=None,
    max_examples=300,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(sorted(MANIFEST)), JSON)
def test_senseless(tmp_path: Path, key: str, value: object) -> None:
    """Nor does a manifest that says something senseless, sealed by who means it."""
    document = {**MANIFEST, key: value}
    del document["sha256"]
    fuzz_one(b"s" + json.dumps(document).encode(), tmp_path)
