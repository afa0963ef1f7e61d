"""What may go: pure decisions."""

import pytest

from hotpack.deploy.collect import lifecycle_warnings, outdated
from hotpack.deploy.facts import Alias

from .things import version

BUCKET = "artifacts"
VERSIONS = [version(str(number)) for number in range(1, 13)]


@pytest.mark.parametrize(
    ("keep", "led_to", "expected"),
    [
        (None, {}, []),
        (20, {}, []),
        (10, {}, ["2", "1"]),
        (11, {}, ["1"]),
        (10, {"live": "1"}, ["2"]),
        (1, {"live": "12", "old": "3"}, ["11", "10", "9", "8", "7", "6", "5", "4", "2", "1"]),
    ],
)
def test_outdated(keep: int | None, led_to: dict[str, str], expected: list[str]) -> None:
    """Versions count by number, not by name, and what an alias leads to is never outdated."""
    aliases = [Alias(name, number, None, {}) for name, number in led_to.items()]
    assert [item.version for item in outdated(VERSIONS, aliases, keep)] == expected


def test_a_share_is_enough() -> None:
    """A version that gets only a share of an alias's invocations stays too."""
    alias = Alias("live", "12", None, {"1": 0.05})
    assert "1" not in {item.version for item in outdated(VERSIONS, [alias], 1)}


Rule = dict[str, object]
EXPIRES: Rule = {"Status": "Enabled", "Expiration": {"Days": 1}}


@pytest.mark.parametrize(
    ("rule", "is_said"),
    [
        ({**EXPIRES, "Filter": {"Prefix": "hotpack/"}}, True),
        ({**EXPIRES, "Filter": {"Prefix": "hotpack/packs/0"}}, True),
        ({**EXPIRES, "Prefix": ""}, True),
        ({**EXPIRES, "Filter": {"And": {"Prefix": "", "ObjectSizeGreaterThan": 1}}}, True),
        ({"Status": "Enabled", "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}, True),
        ({"Status": "Enabled", "Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}, False),
        ({**EXPIRES, "Status": "Disabled"}, False),
        ({**EXPIRES, "Filter": {"Prefix": "logs/"}}, False),
        ({**EXPIRES, "Filter": {"Tag": {"Key": "a", "Value": "b"}}}, False),
        ({"Status": "Enabled", "Expiration": {"ExpiredObjectDeleteMarker": True}}, False),
        ({"Status": "Enabled", "AbortIncompleteMultipartUpload": {"Days": 1}}, False),
    ],
)
def test_which_rules_take_packs_away(rule: Rule, is_said: bool) -> None:
    """Only rules that delete or archive packs are warned of."""
    assert bool(lifecycle_warnings(BUCKET, [rule])) is is_said
