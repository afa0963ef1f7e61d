"""Where control groups can be made: in which of the kernel's two versions, below which group."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hotpack.sandbox.control_groups import (
    CONTROLLERS,
    DOORS,
    ControlGroups,
    Controller,
    remove,
    write,
)


def find(proc: Path = Path("/proc")) -> ControlGroups:
    """Return where groups can be made: below our own, so that its limits hold for ours too."""
    best = ControlGroups()
    for candidate in _candidates(proc):
        usable = _tried(candidate)
        if len(usable.parents) > len(best.parents):
            best = usable
        if len(best.parents) == len(CONTROLLERS):
            return best
    missing = ", ".join(name for name in CONTROLLERS if name not in best.parents)
    return ControlGroups(
        best.version,
        best.parents,
        f"no control groups for {missing} may be made here",
        "run it as root, or with systemd: systemd-run --user --scope -p Delegate=yes hotpack …",
    )


def _candidates(proc: Path) -> Iterator[ControlGroups]:
    """Yield where groups might be made, the own group before those above it."""
    try:
        mounts = (proc / "self" / "mountinfo").read_text(encoding="utf-8").splitlines()
        own = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return  # no Linux
    v1: dict[Controller, Path] = {}
    unified: list[Path] = []
    for line in mounts:
        place, _, kind = line.partition(" - ")
        root, point = place.split()[3:5]
        filesystem, _, options = kind.split()[:3]
        if filesystem == "cgroup2":
            unified = _own_and_above(Path(point), root, _path_of("", own))
        elif filesystem == "cgroup":
            for controller in CONTROLLERS:
                if controller in options.split(",") and controller not in v1:
                    v1[controller] = _own_and_above(Path(point), root, _path_of(controller, own))[0]
    yield ControlGroups(1, v1)
    for folder in unified:
        yield ControlGroups(2, dict.fromkeys(_offered(folder), folder))


def _path_of(controller: str, own: list[str]) -> str:
    """Return our own group, as a line `NUMBER:CONTROLLERS:PATH` of /proc/self/cgroup has it."""
    for line in own:
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path
    return "/"


def _own_and_above(point: Path, root: str, path: str) -> list[Path]:
    """Return the folders of a group and of those above it, as far as they are mounted."""
    inside = Path(path.removeprefix(root).lstrip("/")) if path.startswith(root) else Path()
    folders = [point / inside, *(point / above for above in inside.parents)]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()] or [point]


def _offered(folder: Path) -> list[Controller]:
    """Return the controllers that a group of version 2 gives to groups in it, after asking."""
    control = folder / "cgroup.subtree_control"
    with contextlib.suppress(OSError):
        known = (folder / "cgroup.controllers").read_text(encoding="ascii").split()
        for name in CONTROLLERS:
            if name in known and name not in control.read_text(encoding="ascii").split():
                # Refused to us, and where a group holds processes itself.
                with contextlib.suppress(OSError):
                    write(control, f"+{name}")
        given = control.read_text(encoding="ascii").split()
        return [name for name in CONTROLLERS if name in given]
    return []


def _tried(candidate: ControlGroups) -> ControlGroups:
    """Return what of it is usable: where a group can be made, entered and removed."""
    usable = {parent for parent in set(candidate.parents.values()) if _is_usable(candidate, parent)}
    parents = {name: parent for name, parent in candidate.parents.items() if parent in usable}
    return ControlGroups(candidate.version, parents)


def _is_usable(candidate: ControlGroups, parent: Path) -> bool:
    folder = parent / f"hotpack-try-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        return False
    try:
        return _can_be_entered(folder / DOORS[candidate.version])
    finally:
        remove(folder)


def _can_be_entered(door: Path) -> bool:
    enter = ["/bin/sh", "-c", 'echo 0 > "$1"', "sh", str(door)]
    return subprocess.run(enter, capture_output=True, check=False).returncode == 0
