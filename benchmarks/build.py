"""How long builds take: from empty caches, after a change, and what is to upload after a bump.

    make bench-build                                   writes docs/build-speed.md
    python benchmarks/build.py --before OTHER/src      beside another version of hotpack, in turns

Each build is `hotpack build` as a whole process, on a copy of examples/tensorflow, with a cache of
its own. Wheels are downloaded once, into a cache of uv's own, and that build is shown apart: what a
network gives is not hotpack's.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

EXAMPLE: Final = Path(__file__).parent.parent / "examples" / "tensorflow"
BUMPED: Final = ("absl-py==2.3.0", "absl-py==2.3.1")
"""A small distribution that tensorflow needs, in two versions of which it takes both."""

STEP: Final = re.compile(r"✓ (.+?) ([\d.]+) s$", re.MULTILINE)


@dataclass(frozen=True)
class Version:
    """One version of hotpack, with caches and a project of its own."""

    name: str
    source: Path
    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def build(self, *options: str) -> tuple[float, str, dict[str, Any]]:
        """Return the seconds of a build, what it said meanwhile, and what it came to."""
        environment = {
            **{name: value for name, value in os.environ.items() if name not in UNWANTED},
            "HOTPACK_CACHE_DIR": str(self.folder / "cache"),
            "UV_CACHE_DIR": str(self.folder.parent / "uv"),
            "PYTHONPATH": str(self.source),
        }
        command = [sys.executable, "-m", "hotpack", "build", "--json", *options]
        started = time.monotonic()
        done = subprocess.run(
            command, cwd=self.project, env=environment, capture_output=True, text=True, check=False
        )
        took = time.monotonic() - started
        if done.returncode:
            raise SystemExit(done.stderr)
        return took, done.stderr, json.loads(done.stdout)

    def start_anew(self) -> None:
        """Leave nothing of earlier builds."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(EXAMPLE, self.project, ignore=shutil.ignore_patterns(".hotpack"))
        (self.project / "hotpack.profile.json").unlink(missing_ok=True)

    def change_handler(self) -> None:
        with (self.project / "app.py").open("a") as file:
            file.write(f"# {time.monotonic_ns()}\n")

    def require(self, requirement: str) -> None:
        path = self.project / "pyproject.toml"
        path.write_text(
            re.sub(r"dependencies = .*", f'dependencies = ["{TF}", "{requirement}"]', TOML)
        )


TOML: Final = (EXAMPLE / "pyproject.toml").read_text()
TF: Final = "tensorflow-cpu==2.21.*"
UNWANTED: Final = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"})
"""Without its own bytecode a command takes half a second more to start."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5, help="builds after a change")
    options.add_argument("--before", type=Path, help="src of the version to compare with")
    options.add_argument("--markdown", type=Path, help="write the page there")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotpack-bench-", dir=chosen.markdown and ".") as name:
        root = Path(name).resolve()
        now = Version("now", Path(__file__).parent.parent.joinpath("src").resolve(), root / "now")
        versions = [now]
        if chosen.before:
            versions.insert(0, Version("before", chosen.before.resolve(), root / "before"))
        text = measure(versions, chosen.rounds)
    print(text)
    if chosen.markdown:
        chosen.markdown.write_text(page(text))


def measure(versions: list[Version], rounds: int) -> str:
    """Return the tables of all that is measured."""
    now = versions[-1]
    now.start_anew()
    downloaded, _, _ = now.build()
    rows: list[tuple[str, dict[str, list[float]]]] = [
        ("from empty caches, downloads too", {now.name: [downloaded]})
    ]
    empty: dict[str, list[float]] = {}
    steps: dict[str, dict[str, float]] = {}
    for version in versions:
        version.start_anew()
        took, talk, _ = version.build()
        empty[version.name] = [took]
        steps[version.name] = stages(talk)
    rows.append(("from empty caches, wheels in uv's", empty))
    for name, change in (
        ("after a change of the handler", Version.change_handler),
        ("with nothing changed", lambda _: None),
    ):
        times: dict[str, list[float]] = {version.name: [] for version in versions}
        for _ in range(rounds):
            for version in versions:
                change(version)
                times[version.name].append(version.build()[0])
        rows.append((name, times))
    uploads = [bump(now, placement, rows) for placement in ("remote", "bundled")]
    cached = sum(f.stat().st_size for f in (now.folder / "cache").rglob("*") if f.is_file())
    return "\n\n".join(
        [
            timetable(rows, [version.name for version in versions]),
            steptable(steps),
            "After a new version of one small dependency:",
            "\n".join(["| placement | to upload | of the artifacts |", "|---|---|---|", *uploads]),
            f"The cache has {cached / 1e9:.1f} GB then.",
        ]
    )


def bump(version: Version, placement: str, rows: list[tuple[str, dict[str, list[float]]]]) -> str:
    """Return what there is to upload after a bump, and add to the rows how long building takes."""
    version.require(BUMPED[0])
    version.build("--place", placement)
    before = artifacts(version)
    version.require(BUMPED[1])
    took, _, _ = version.build("--place", placement)
    after = artifacts(version)
    new = sum(size for name, size in after.items() if name not in before)
    total = sum(after.values())
    if placement == "remote":  # the first, after which nothing is new
        rows.append(("after a bump of a small dependency", {version.name: [took]}))
    return f"| {placement} | {new / 1e6:.1f} of {total / 1e6:.1f} MB | {new / total:.1%} |"


def artifacts(version: Version) -> Mapping[str, int]:
    """Return the sizes of what deploying uploads, by names that the contents decide."""
    folder = version.project / ".hotpack" / "build"
    release = json.loads((folder / "release.json").read_text())
    code = (folder / "function.zip").read_bytes()
    packs = {key: (folder / path).stat().st_size for key, path in release["remote_packs"].items()}
    return {**packs, f"code {hash(code)}": len(code)}


def stages(talk: str) -> dict[str, float]:
    """Return what a build says of its steps: seconds by name, amounts left out."""
    found: dict[str, float] = {}
    for name, took in STEP.findall(talk):
        word = " ".join(part for part in name.split() if part.isalpha() and part != "MB")
        found[word] = found.get(word, 0.0) + float(took)
    return found


def timetable(rows: list[tuple[str, dict[str, list[float]]]], names: list[str]) -> str:
    lines = [f"| `hotpack build` | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for label, times in rows:
        cells = [seconds(times[name]) if name in times else "-" for name in names]
        if len(names) > 1 and len(times) > 1:
            cells[-1] += f", {ratio(times, names):.2f} of it"
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ratio(times: dict[str, list[float]], names: list[str]) -> float:
    pairs = zip(times[names[0]], times[names[-1]], strict=True)
    return statistics.median(after / before for before, after in pairs)


def seconds(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} s"


def steptable(steps: dict[str, dict[str, float]]) -> str:
    names = list(steps)
    every = {step: None for mine in steps.values() for step in mine}
    lines = ["Where it goes, wheels in uv's cache:", ""]
    lines += [f"| step | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for step in every:
        cells = [f"{steps[name].get(step, 0.0):.1f} s" for name in names]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page(text: str) -> str:
    return f"""\
# Build speed

Written by `make bench-build` on {platform.machine()}, {os.cpu_count()} cores: the TensorFlow
example (1.45 GB installed), each build a process of its own, in seconds of the clock; of several
rounds the median, and the median ratio of pairs in turns where two versions are compared.

{text}

## What is done once, and where it is kept

| stage | once for the same | cores |
|---|---|---|
| install | lock and target | uv's own |
| strip | content of a library | all; libraries over 64 MiB one by one, as each is in memory twice |
| compile | 250 sources and the interpreter | all, a process each |
| follow imports (without a profile) | content of a module | one |
| compress | contents of a frame of at most 4 MiB | all |
| zip | entries of a folder at the top | all; packs are compressed already and only copied |

Frames are compressed at zstd's level 10: level 19 takes 17 to 30 times as long for about 10 % less
([slimming.md](slimming.md) has both). Reading a frame again checks it against its digest.

The cache is shared by all projects of a user and keeps to a cap (`hotpack cache`). Trees, and what
is laid out of them, are copies and no hard links: a function may write where nothing forbids it,
and uv's own cache is linked into virtual environments that people edit.

A bundled function is one zip that Lambda takes whole, so a bump uploads all of it. Packs on S3 are
named by their content: distributions over 1 MiB have one each, smaller ones share one.
"""


if __name__ == "__main__":
    main()
