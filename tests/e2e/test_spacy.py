"""The example: spaCy, which a plain install cannot bring to Lambda."""

from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from .conftest import Hotpack, document

EXAMPLE = Path(__file__).parents[2] / "examples" / "spacy"
ENTITIES = [["Ada Lovelace", "PERSON"], ["Charles Babbage", "PERSON"], ["London", "GPE"]]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return copytree(EXAMPLE, tmp_path / "spacy", ignore=ignore_patterns(".hotpack"))


def test_plain_install_is_too_big(hotpack: Hotpack, example: Path) -> None:
    """The wall: the plain install is over the limit, and Lambda's sentence is shown."""
    sizes = document(hotpack("sizes", "--json", cwd=example))
    assert sizes["installed_bytes"] > sizes["limit_bytes"]
    shown = hotpack("sizes", cwd=example)
    assert "Unzipped size must be smaller than 262144000 bytes" in shown.stdout


@pytest.mark.parametrize("placement", ["inline", "bundled", "remote"])
def test_entities(hotpack: Hotpack, example: Path, placement: str) -> None:
    """Each placement fits, and finds the entities."""
    built = document(hotpack("build", "--place", placement, "--json", cwd=example))
    assert built["fits"] is True
    assert built["package_bytes"] <= built["limit_bytes"]
    assert {row["placement"] for row in built["layout"]} == {placement}
    answer = document(hotpack("invoke", "--place", placement, "--json", cwd=example))
    [invocation] = answer["invocations"]
    assert invocation["status"] == "success"
    assert invocation["response"]["entities"][:3] == ENTITIES
