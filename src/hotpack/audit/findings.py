"""What would not load on Lambda: wrong processor, too new a glibc, libraries that nobody has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hotpack.audit.gpu import cpu_build, is_gpu_library
from hotpack.audit.libraries import Libraries
from hotpack.binaries import Library
from hotpack.install import File, Kind
from hotpack.target import Target
from hotpack.target.libraries import has_library, newest_version

_KNOWN_WAYS_OUT = {
    "libGL.so.1": "opencv-python-headless instead of opencv-python needs no display",
    "libgomp.so.1": "scikit-learn's and torch's wheels bring their own: is a wheel incomplete?",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the target lacks."""

    severity: Literal["error", "warning"]
    """error: an extension module that cannot load on Lambda; warning: a file that cannot load, or
    may not, but perhaps is never asked to."""

    distribution: str
    path: str
    problem: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.distribution}: {self.path} {self.problem}"


def audit(libraries: Libraries, target: Target) -> tuple[Finding, ...]:
    """Return what of the libraries would not load on the target, errors first, one per cause."""
    provided = set(libraries.providers())
    found: dict[tuple[str, str], Finding] = {}
    for file, library in libraries.by_path.values():
        for finding in _examine(file, library, provided, target):
            found.setdefault((finding.distribution, finding.problem), finding)
    return tuple(sorted(found.values(), key=lambda item: (item.severity, item.distribution)))


def _examine(file: File, library: Library, provided: set[str], target: Target) -> Iterator[Finding]:
    if library.machine != target.machine:
        yield Finding(
            _severity(file),
            file.distribution,
            file.path,
            f"is for {library.machine}, and the target is {target.machine}",
            "the wheel holds the wrong files: ask for another version of it",
        )
        return
    yield from _too_new(file, library, provided, target)
    missing = [
        name
        for name in library.needed
        if name not in provided and not has_library(target.runtime, name)
    ]
    for_gpu = [name for name in missing if is_gpu_library(name)]
    if for_gpu:
        problem = f"needs {', '.join(for_gpu)}, and Lambda has no GPU"
        way_out = cpu_build(file.distribution)
        yield Finding("warning", file.distribution, file.path, problem, way_out)
    for name in missing:
        if name not in for_gpu:
            yield Finding(
                "warning",
                file.distribution,
                file.path,
                f"needs {name}, which neither the tree nor Lambda's runtime has",
                _KNOWN_WAYS_OUT.get(name, f"bring {name} in a layer, under /opt/lib"),
            )


def _too_new(file: File, library: Library, provided: set[str], target: Target) -> Iterator[Finding]:
    """Yield the newest version of each family that is newer than the runtime's."""
    newest: dict[str, tuple[int, ...]] = {}
    for source, version in library.versions:
        family, _, number = version.partition("_")
        if source not in provided and number.replace(".", "").isdigit():
            parts = tuple(map(int, number.split(".")))
            newest[family] = max(newest.get(family, ()), parts)
    for family, parts in newest.items():
        has = newest_version(target.runtime, family)
        if has is not None and parts > has:
            yield Finding(
                _severity(file),
                file.distribution,
                file.path,
                f"needs {family}_{_dotted(parts)}; {target.runtime.name} "
                f"({target.runtime.operating_system}) has {family}_{_dotted(has)}",
                "a newer `runtime`, or a version of the package with an older manylinux wheel",
            )


def _severity(file: File) -> Literal["error", "warning"]:
    """Wheels carry other systems' helpers too (debugpy has one for each); no import loads those."""
    return "error" if file.kind is Kind.EXTENSION else "warning"


def _dotted(parts: tuple[int, ...]) -> str:
    return ".".join(map(str, parts))
