"""Cuts from an ELF file the symbols and debug sections that no loader ever reads.

`strip` rewrites the whole file, and breaks libraries whose segments patchelf has moved (numpy's
OpenBLAS: "ELF load command address/offset not page-aligned"). This does less and cannot break
them: every byte that a segment maps stays at its offset; only what lies behind the last segment
is cut. That is where linkers put symbol tables and debug sections, so it saves nearly as much
(spaCy: 127 of the 130 MB that GNU strip takes), and it needs no binutils and no target machine.

Layout after System V ABI, "ELF-64 Object File Format", version 1.5.
"""

import struct
from dataclasses import dataclass, replace
from typing import Final, Self

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SECTION_FIELDS: Final = slice(40, 48), slice(58, 64)
"""Where the header says where the section table is: e_shoff; e_shentsize, e_shnum, e_shstrndx."""

_ELF64_LITTLE: Final = b"\x7fELF\x02\x01"
_ET_EXEC, _ET_DYN = 2, 3
_SYMTAB, _STRTAB, _RELA, _NOBITS, _REL = 2, 3, 4, 8, 9
_ALLOC, _INFO_LINK = 0x2, 0x40
_LARGEST_PADDING: Final = 4096


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
    def read(cls, content: bytes, offset: int) -> Self:
        return cls(*_SECTION.unpack_from(content, offset))

    def packed(self) -> bytes:
        return _SECTION.pack(*(getattr(self, field) for field in self.__slots__))


def cut(content: bytes) -> bytes | None:
    """Return the file without what no segment maps, None where it is better kept as it is.

    Kept are files that are no 64-bit little-endian library or executable, that gain nothing, or
    that carry something behind their sections (installers append archives there).
    """
    if len(content) < _HEADER.size or content[:6] != _ELF64_LITTLE:
        return None
    header = _HEADER.unpack_from(content)
    type_, segments_at, sections_at, segment_count = header[1], header[5], header[6], header[10]
    section_size, section_count, names_index = header[11], header[12], header[13]
    if type_ not in {_ET_EXEC, _ET_DYN} or section_size != _SECTION.size or not section_count:
        return None
    end = _end_of_segments(content, segments_at, segment_count)
    sections = [
        _Section.read(content, sections_at + index * _SECTION.size)
        for index in range(section_count)
    ]
    table = (sections_at, sections_at + section_count * _SECTION.size)
    if _carries_more(content, end, sections, table):
        return None
    dead = _dead(content, sections, names_index, end)
    slimmed = _without(content, sections, dead, names_index, end)
    return slimmed if len(slimmed) < len(content) and same_for_loader(content, slimmed) else None


def same_for_loader(before: bytes, after: bytes) -> bool:
    """Return whether both files are the same to a loader: in all that their segments hold."""
    header = _HEADER.unpack_from(before)
    end = _end_of_segments(before, header[5], header[10])
    old, new = bytearray(before[:end]), bytearray(after[:end])
    for field in _SECTION_FIELDS:
        old[field] = new[field] = bytes(field.stop - field.start)
    return old == new


def _end_of_segments(content: bytes, segments_at: int, count: int) -> int:
    end = segments_at + count * _SEGMENT.size
    for index in range(count):
        _, _, offset, _, _, size, _, _ = _SEGMENT.unpack_from(
            content, segments_at + index * _SEGMENT.size
        )
        end = max(end, offset + size) if size else end
    return end


def _carries_more(
    content: bytes, end: int, sections: list[_Section], table: tuple[int, int]
) -> bool:
    """Return whether anything but sections and padding lies behind the segments."""
    spans = sorted([(s.offset, s.offset + s.size) for s in sections if s.type != _NOBITS] + [table])
    reached = end
    for start, stop in [*spans, (len(content), len(content))]:
        gap = content[reached:start]
        if len(gap) > _LARGEST_PADDING or gap.strip(b"\0"):
            return True
        reached = max(reached, stop)
    return reached > len(content)


def _dead(content: bytes, sections: list[_Section], names_index: int, end: int) -> set[int]:
    """Return the indexes of the sections behind `end` that only debuggers and linkers read."""
    names = sections[names_index]

    def name(section: _Section) -> bytes:
        start = names.offset + section.name
        return content[start : content.index(b"\0", start)]

    dead = {
        index
        for index, section in enumerate(sections)
        if section.offset >= end
        and not section.flags & _ALLOC
        and (section.type == _SYMTAB or name(section).startswith((b".debug", b".zdebug")))
    }
    linked = {section.link for index, section in enumerate(sections) if index not in dead}
    dead |= {
        index
        for index, section in enumerate(sections)
        if section.type == _STRTAB
        and section.offset >= end
        and not section.flags & _ALLOC
        and index not in linked | {names_index}
    }
    return dead | {
        index
        for index, section in enumerate(sections)
        if section.type in {_REL, _RELA} and section.offset >= end and section.info in dead
    }


def _without(
    content: bytes, sections: list[_Section], dead: set[int], names_index: int, end: int
) -> bytes:
    """Return the segments as they were, then the sections that stay, then a new section table."""
    result = bytearray(content[:end])
    kept = [index for index in range(len(sections)) if index not in dead]
    moved = {old: new for new, old in enumerate(kept)}
    table = bytearray()
    for index in kept:
        section = sections[index]
        if section.offset >= end and section.type != _NOBITS and section.size:
            _pad(result, max(section.alignment, 1))
            body = content[section.offset : section.offset + section.size]
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
    struct.pack_into("<HHH", result, 58, _SECTION.size, len(kept), moved[names_index])
    return bytes(result + table)


def _pad(content: bytearray, alignment: int) -> None:
    content += bytes(-len(content) % alignment)
