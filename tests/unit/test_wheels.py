"""Which wheel a distribution was installed from."""

from pathlib import Path

import pytest

from hotpack.install import Wheel, Wheels

FAST = Wheel("wrapt-2.0-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "a" * 64)
ANY = Wheel("wrapt-2.0-py3-none-any.whl", "b" * 64)
PYLOCK = f"""\
lock-version = "1.0"
[[packages]]
name = "wrapt"
version = "2.0"
wheels = [
    {{ url = "https://files/x/{FAST.name}", hashes = {{ sha256 = "{FAST.sha256}" }} }},
    {{ url = "https://files/y/{ANY.name}", hashes = {{ sha256 = "{ANY.sha256}" }} }},
]
[[packages]]
name = "Mine_Own"
version = "1.0+local"
archive = {{ path = "w/mine_own-1.0+local-py3-none-any.whl", hashes = {{ sha256 = "cc" }} }}
[[packages]]
name = "unhashed"
wheels = [{{ name = "unhashed-1-py3-none-any.whl", hashes = {{ md5 = "d" }} }}]
"""


def info(root: Path, name: str, *tags: str) -> Path:
    folder = root / f"{name}.dist-info"
    folder.mkdir()
    (folder / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {t}\n" for t in tags))
    return folder


@pytest.mark.parametrize(
    ("tag", "wheel"),
    [
        ("cp313-cp313-manylinux2014_x86_64", FAST),
        ("py3-none-any", ANY),
        ("cp312-cp312-manylinux2014_x86_64", None),
    ],
)
def test_of_several_the_one_with_the_tags(tmp_path: Path, tag: str, wheel: Wheel | None) -> None:
    """Where several wheels could be it, the installed WHEEL file decides; no tag of it, none."""
    assert Wheels.of_pylock(PYLOCK).installed(info(tmp_path, "wrapt-2.0", tag)) == wheel


def test_local_wheel(tmp_path: Path) -> None:
    """A wheel named by its path is known too, whatever case its name is written in."""
    found = Wheels.of_pylock(PYLOCK).installed(info(tmp_path, "mine_own-1.0+local"))
    assert found == Wheel("mine_own-1.0+local-py3-none-any.whl", "cc")


def test_not_known(tmp_path: Path) -> None:
    """What the lock does not list, or has no SHA-256 of, has no wheel."""
    wheels = Wheels.of_pylock(PYLOCK)
    assert wheels.installed(info(tmp_path, "other-1")) is None
    assert wheels.installed(info(tmp_path, "unhashed-1")) is None
