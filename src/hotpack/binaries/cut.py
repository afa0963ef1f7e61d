"""Cuts from an ELF file the symbols and debug sections that no loader ever reads.

`strip` rewrites the whole file, and breaks libraries whose segments patchelf has moved (numpy's
OpenBLAS: "ELF load command address/offset not page-aligned"). This does less and cannot do that:
every byte that a segment maps stays at its offset; only what lies behind the last segment is cut.
That is where linkers put symbol tables and debug sections, so it saves nearly as much (spaCy: 127
of the 130 MB that GNU strip takes), and it needs no binutils and no target machine.

Layout after System V ABI, "ELF-64 Object File Format", version 1.5.
"""

import struct
from dataclasses import dataclass, replace
from typing import Final, Self

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")

_ELF64_LITTLE: Final = b"\x7fELF\x02\x01"
_ET_EXEC, _ET_DYN = 2, 3
_NULL, _SYMTAB, _STRTAB, _RELA, _NOBITS, _REL = 0, 2, 3, 4, 8, 9
_ALLOC, _INFO_LINK = 0x2, 0x40
_LARGEST_PADDING: Final = 4096
_LARGEST_ALIGNMENT: Final = 65_536
_COMPARED_AT_ONCE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Section:
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int

    @classmethod
    def read(cls, content: memoryview, offset: int) -> Self:
        return cls(*_SECTION.unpack_from(content, offset))

    def packed(self) -> bytes:
        return _SECTION.pack(*(getattr(self, field) for field in self.__slots__))

    @property
    def end(self) -> int:
        return self.offset + (0 if self.type in {_NULL, _NOBITS} else self.size)


@dataclass(frozen=True, slots=True)
class _Elf:
    """A file whose segments and sections have been read and lie within it."""

    content: memoryview
    end: int
    """Where the last segment ends, and with it all that a loader reads."""

    sections: tuple[_Section, ...]
    names_index: int
    table: tuple[int, int]
    """Where the section table begins and ends."""

    def name(self, section: _Section) -> bytes:
        names = self.sections[self.names_index]
        start = names.offset + section.name
        return bytes(self.content[start : names.end]).partition(b"\0")[0]


@dataclass(frozen=True, slots=True)
class Cut:
    """What became of a file."""

    content: bytes | None
    """The file without what no segment maps; None where it is better kept as it is."""

    reason: str | None = None
    """Why it is kept, though there may be something to cut; None for all others."""


def cut(content: bytes) -> Cut:
    """Return the file without what no segment maps.

    Kept are files that are no 64-bit little-endian library or executable, that gain nothing, that
    carry something behind their sections (installers append archives there), or that are not sound.
    """
    view = memoryview(content)
    try:
        if not _is_loadable(view):
            return Cut(None)
        elf = _read(view)
        if elf is None:
            return Cut(None, "its sections do not lie as linkers lay them")
        if _carries_more(elf):
            return Cut(None, "it carries data behind its sections")
        slimmed = _without(elf, _dead(elf))
    except (struct.error, IndexError):
        return Cut(None, "it points out of itself")
    if len(slimmed) >= len(content):
        return Cut(None)
    return Cut(slimmed) if same_for_loader(content, slimmed) else Cut(None, "it would differ")


def same_for_loader(before: bytes, after: bytes) -> bool:
    """Return whether both files are the same to a loader: in all that their segments hold.

    The header says where the section table is, which no loader reads: that may differ.
    """
    header = _HEADER.unpack_from(before)
    end = _end_of_segments(memoryview(before), header[5], header[10])
    if len(after) < end or before[:40] != after[:40] or before[48:58] != after[48:58]:
        return False
    return all(
        before[start : min(start + _COMPARED_AT_ONCE, end)]
        == after[start : min(start + _COMPARED_AT_ONCE, end)]
        for start in range(_HEADER.size, end, _COMPARED_AT_ONCE)
    )


def _is_loadable(content: memoryview) -> bool:
    """Return whether this is a library or an executable with a section table."""
    if len(content) < _HEADER.size or bytes(content[:6]) != _ELF64_LITTLE:
        return False
    header = _HEADER.unpack_from(content)
    return header[1] in {_ET_EXEC, _ET_DYN} and header[12] > 0


def _read(content: memoryview) -> _Elf | None:
    """Return what the file consists of, None where it is not sound."""
    header = _HEADER.unpack_from(content)
    segments_at, sections_at, segment_count = header[5], header[6], header[10]
    section_size, section_count, names_index = header[11], header[12], header[13]
    if section_size != _SECTION.size or not segment_count or names_index >= section_count:
        return None
    sections = tuple(
        _Section.read(content, sections_at + index * _SECTION.size)
        for index in range(section_count)
    )
    end = _end_of_segments(content, segments_at, segment_count)
    table = (sections_at, sections_at + section_count * _SECTION.size)
    elf = _Elf(content, end, sections, names_index, table)
    return elf if end <= len(content) and all(_sound(item, elf) for item in sections) else None


def _sound(section: _Section, elf: _Elf) -> bool:
    """Return whether a section lies within the file, and on one side of the last segment's end."""
    across = section.offset < elf.end < section.end
    return (
        section.end <= len(elf.content)
        and not across
        and section.alignment <= _LARGEST_ALIGNMENT
        and section.link < len(elf.sections)
    )


def _end_of_segments(content: memoryview, segments_at: int, count: int) -> int:
    end = segments_at + count * _SEGMENT.size
    for index in range(count):
        _, _, offset, _, _, size, _, _ = _SEGMENT.unpack_from(
            content, segments_at + index * _SEGMENT.size
        )
        end = max(end, offset + size) if size else end
    return end


def _carries_more(elf: _Elf) -> bool:
    """Return whether anything but sections and padding lies behind the segments."""
    spans = sorted([*((item.offset, item.end) for item in elf.sections), elf.table])
    reached = elf.end
    for start, stop in [*spans, (len(elf.content), len(elf.content))]:
        gap = bytes(elf.content[reached:start])
        if len(gap) > _LARGEST_PADDING or gap.strip(b"\0"):
            return True
        reached = max(reached, stop)
    return False


def _dead(elf: _Elf) -> set[int]:
    """Return the indexes of the sections behind the segments that only debuggers and linkers read.

    These are symbol tables, debug sections, and string tables and relocations of nothing else.
    """
    behind = {
        index: section
        for index, section in enumerate(elf.sections)
        if section.offset >= elf.end and not section.flags & _ALLOC and index != elf.names_index
    }
    dead = {
        index
        for index, section in behind.items()
        if section.type == _SYMTAB or elf.name(section).startswith((b".debug", b".zdebug"))
    }
    linked = {section.link for index, section in enumerate(elf.sections) if index not in dead}
    dead |= {
        index
        for index, section in behind.items()
        if section.type == _STRTAB and index not in linked
    }
    return dead | {
        index
        for index, section in behind.items()
        if section.type in {_REL, _RELA} and section.info in dead
    }


def _without(elf: _Elf, dead: set[int]) -> bytes:
    """Return the segments as they were, then the sections that stay, then a new section table."""
    result = bytearray(elf.content[: elf.end])
    kept = [index for index in range(len(elf.sections)) if index not in dead]
    moved = {old: new for new, old in enumerate(kept)}
    table = bytearray()
    for index in kept:
        section = elf.sections[index]
        if section.offset >= elf.end and section.end > section.offset:
            _pad(result, max(section.alignment, 1))
            body = elf.content[section.offset : section.end]
            section = replace(section, offset=len(result))
            result += body
        is_index = section.type in {_REL, _RELA} or section.flags & _INFO_LINK
        table += replace(
            section,
            link=moved.get(section.link, 0),
            info=moved.get(section.info, 0) if is_index else section.info,
        ).packed()
    _pad(result, 8)
    struct.pack_into("<Q", result, 40, len(result))
    struct.pack_into("<HHH", result, 58, _SECTION.size, len(kept), moved[elf.names_index])
    result += table
    return bytes(result)


def _pad(content: bytearray, alignment: int) -> None:
    content += bytes(-len(content) % alignment)
