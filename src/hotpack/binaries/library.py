"""Reads what a shared library or executable says that it needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_MACHINES: Final = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Library:
    """What an ELF file says of itself to a loader."""

    machine: str
    """As `uname -m` writes it, where Lambda has it; else as the ELF header does."""

    soname: str | None
    needed: tuple[str, ...]
    """File names of the libraries that the loader must find (DT_NEEDED)."""

    search: tuple[str, ...]
    """Where it shall look for them (DT_RUNPATH or DT_RPATH), `$ORIGIN` as it is."""

    versions: tuple[tuple[str, str], ...]
    """Symbol versions that it needs, e.g. `("libc.so.6", "GLIBC_2.28")`."""


def read_library(path: Path) -> Library | None:
    """Return what the file says, None where it is no ELF file that can be read."""
    from elftools.common.exceptions import ELFError  # 40 ms, and most of it is in the cache
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
        file.seek(0)
        try:
            return _read(ELFFile(file))
        except (ELFError, AttributeError, KeyError, ValueError):
            return None


def _read(elf: "ELFFile") -> Library:
    from elftools.elf.dynamic import DynamicSegment

    tags: dict[str, list[str]] = {}
    for segment in elf.iter_segments("PT_DYNAMIC"):
        if not isinstance(segment, DynamicSegment):
            continue
        for tag in segment.iter_tags():
            name = tag.entry.d_tag
            if name in {"DT_NEEDED", "DT_RUNPATH", "DT_RPATH", "DT_SONAME"}:
                value = getattr(tag, name.removeprefix("DT_").lower())
                tags.setdefault(name, []).append(value)
    search = (tags.get("DT_RUNPATH") or tags.get("DT_RPATH") or [""])[0]
    machine = str(elf.header.e_machine)
    return Library(
        machine=_MACHINES.get(machine, machine),
        soname=tags.get("DT_SONAME", [None])[0],
        needed=tuple(tags.get("DT_NEEDED", ())),
        search=tuple(part for part in search.split(":") if part),
        versions=tuple(sorted(set(_versions(elf)))),
    )


def _versions(elf: "ELFFile") -> Iterator[tuple[str, str]]:
    from elftools.elf.gnuversions import GNUVerNeedSection

    section = elf.get_section_by_name(".gnu.version_r")
    if isinstance(section, GNUVerNeedSection):
        for library, versions in section.iter_versions():
            for version in versions:
                yield str(library.name), str(version.name)
