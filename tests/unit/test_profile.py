"""A profile is written and read again, and tells when it is stale."""

from dataclasses import replace
from pathlib import Path

import pytest

from hotpack.errors import ConfigError
from hotpack.profile import PROFILE_NAME, Module, Profile, Touch, read_profile

PROFILE = Profile(
    runtime="python3.11",
    architecture="x86_64",
    distributions={"numpy": "2.4.0", "pandas": "3.0.0"},
    recorder="strace",
    touches=(
        Touch("numpy/__init__.py", ("opened", "statted")),
        Touch("numpy.libs/libé.so", ("mapped",), native=True),
    ),
    modules=(Module("numpy", 1.25),),
    init_ms=812.5,
    peak_memory_mb=90,
    events=("events/one.json",),
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / PROFILE_NAME).write_text(PROFILE.to_json(), encoding="utf-8")
    assert read_profile(tmp_path) == PROFILE


def test_a_project_may_have_none(tmp_path: Path) -> None:
    assert read_profile(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', "null"])
def test_another_file_of_that_name_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / PROFILE_NAME).write_text(text)
    with pytest.raises(ConfigError, match="no profile"):
        read_profile(tmp_path)


def test_it_is_stale_for_what_changed_came_or_went() -> None:
    assert PROFILE.stale({"numpy": "2.4.0", "pandas": "3.0.0"}) == ()
    assert PROFILE.stale({"numpy": "2.4.1", "scipy": "1.0"}) == ("numpy", "pandas", "scipy")


def test_an_unknown_way_is_refused() -> None:
    text = PROFILE.to_json().replace('"mapped"', '"smelled"')
    with pytest.raises(ValueError, match="smelled"):
        Profile.from_json(text)


def test_why_it_does_not_fit() -> None:
    """Another target or other versions are a sentence; the same ones are none."""
    versions = dict(PROFILE.distributions)
    assert PROFILE.unfit("python3.11", "x86_64", versions) is None
    other = PROFILE.unfit("python3.13", "x86_64", versions)
    assert other == (
        "hotpack.profile.json was recorded for python3.11 on x86_64, and this is python3.13 on "
        "x86_64"
    )
    one = PROFILE.unfit("python3.11", "x86_64", {**versions, "numpy": "2.5"})
    assert one == ("hotpack.profile.json is stale: numpy has another version, came or went since")
    many = PROFILE.unfit("python3.11", "x86_64", {"a": "1", "b": "1"})
    assert "a, b, numpy and 1 more have another version" in (many or "")


def test_the_same_in_another_order_keeps_its_order() -> None:
    """What is new of it is kept: ways and times. Where other paths were touched, the order is."""
    touches = (
        Touch("numpy.libs/lib\u00e9.so", ("mapped",)),
        Touch("numpy/__init__.py", ("opened",)),
    )
    again = replace(PROFILE, touches=touches, modules=(Module("numpy", 2.0),))
    assert again.in_order_of(None) == again
    settled = again.in_order_of(PROFILE)
    assert settled.touches == touches[::-1]
    assert settled.modules == (Module("numpy", 2.0),)
    more = replace(again, touches=(Touch("a", ("opened",)), *touches))
    assert more.in_order_of(PROFILE).touches == more.touches
