"""What distributions say of themselves in the METADATA of their `.dist-info`."""

from dataclasses import dataclass

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement

from hotpack.install import Kind, Tree


@dataclass(frozen=True, slots=True)
class Metadata:
    """The core metadata of one distribution, as far as it is used here."""

    requires: tuple[Requirement, ...] = ()
    license_expression: str | None = None
    """`License-Expression` (PEP 639): an SPDX expression."""

    license: str | None = None
    """`License`: free text, sometimes the whole of a license."""

    classifiers: tuple[str, ...] = ()


def read_metadata(tree: Tree) -> dict[str, Metadata]:
    """Return the metadata of every distribution of the tree, by canonical name.

    One whose METADATA is missing has none; a requirement that is not valid is left out, as
    installers leave it out.
    """
    found = {item.name: Metadata() for item in tree.distributions}
    for file in tree.files:
        if file.kind is Kind.METADATA and file.path.endswith(".dist-info/METADATA"):
            found[file.distribution] = _parse(file.source.read_bytes())
    return found


def _parse(content: bytes) -> Metadata:
    raw, _ = parse_email(content)
    return Metadata(
        requires=tuple(item for line in raw.get("requires_dist", []) for item in _valid(line)),
        license_expression=raw.get("license_expression"),
        license=raw.get("license"),
        classifiers=tuple(raw.get("classifiers", [])),
    )


def _valid(line: str) -> tuple[Requirement, ...]:
    try:
        return (Requirement(line),)
    except InvalidRequirement:
        return ()
