"""The bill of materials: CycloneDX JSON of what is shipped, the same bytes for the same build."""

import importlib.util
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from hotpack import __version__
from hotpack.errors import HotpackError
from hotpack.install import Distribution, Tree
from hotpack.inventory.metadata import Metadata, read_metadata
from hotpack.inventory.requirements import Requirements
from hotpack.project import ASSET_PREFIX, Project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

SBOM: Final = "sbom.cdx.json"
"""The document's name in a build's folder."""

_OWN_LICENSE: Final = "Apache-2.0"
_NAME_LENGTH: Final = 100
"""Some put the whole text of a license where its name belongs; that is longer."""


def can_make_sbom() -> bool:
    """Return whether cyclonedx-python-lib is installed."""
    return importlib.util.find_spec("cyclonedx") is not None


def require_sbom() -> None:
    """Raise HotpackError where cyclonedx-python-lib is not installed."""
    if not can_make_sbom():
        raise HotpackError(
            "a bill of materials needs cyclonedx-python-lib, which is not installed",
            hint="pip install 'hotpack[sbom]'",
        )


def make_sbom(
    project: Project,
    tree: Tree,
    metadata: Mapping[str, Metadata],
    requirements: Requirements,
    runtime: Tree | None,
) -> str:
    """Return the CycloneDX 1.6 document of what a project's function holds.

    The project is the root; every distribution of which something is in `tree` is a component with
    its purl, its version, the SHA-256 of the wheel that it came from and its license as it states
    it, and depends on what it requires on the target; an asset is data, whose version tells its
    content from another. `runtime` is what restoring packs brings
    beside hotpack itself, None where nothing is restored. There is no timestamp, and the serial
    number is made of the content.

    Raises HotpackError where cyclonedx-python-lib is not installed.
    """
    require_sbom()
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    bom = Bom()
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the clock is no part of a build
    kind = ComponentType.APPLICATION
    root = Component(name=project.name, version=project.version, type=kind, bom_ref="project")
    bom.metadata.component = root
    bom.metadata.tools.components.add(Component(name="hotpack", version=__version__, type=kind))
    there = {file.distribution for file in tree.files}
    shipped = {
        item.name: _component(item, metadata[item.name], "")
        for item in tree.distributions
        if item.name in there
    }
    for name, component in shipped.items():
        _add(bom, component, _those(shipped, requirements.requires.get(name, ())))
    restoring = _add_runtime(bom, runtime) if runtime else []
    bom.register_dependency(root, [*_those(shipped, requirements.direct), *restoring])
    # Made of all the rest, so two documents have one number only if they are the same.
    content = JsonV1Dot6(_numbered(bom, "")).output_as_string()
    return JsonV1Dot6(_numbered(bom, content)).output_as_string(indent=2) + "\n"


def _numbered(bom: "Bom", content: str) -> "Bom":
    bom.serial_number = uuid5(NAMESPACE_URL, content)
    return bom


def _add(bom: "Bom", component: "Component", needs: "list[Component]") -> None:
    bom.components.add(component)
    bom.register_dependency(component, needs)


def _those(components: "Mapping[str, Component]", names: Iterable[str]) -> "list[Component]":
    return [components[name] for name in names if name in components]


def _add_runtime(bom: "Bom", runtime: Tree) -> "list[Component]":
    """Add hotpack's own part of the function, which needs the distributions of `runtime`.

    The project may have one of the same name; their references must differ all the same.
    """
    metadata = read_metadata(runtime)
    own = _component(
        Distribution("hotpack", __version__), Metadata(license_expression=_OWN_LICENSE), "runtime/"
    )
    needs = [_component(item, metadata[item.name], "runtime/") for item in runtime.distributions]
    for component in needs:
        _add(bom, component, [])
    _add(bom, own, needs)
    return [own]


def _component(distribution: Distribution, metadata: Metadata, prefix: str) -> "Component":
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    name, version = distribution.name, distribution.version
    if name.startswith(ASSET_PREFIX):
        return Component(
            name=name, version=version, type=ComponentType.DATA, bom_ref=f"{name}@{version}"
        )
    purl = PackageURL("pypi", None, name, version)
    wheel = distribution.wheel
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=prefix + purl.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)] if wheel else [],
        licenses=_licenses(metadata),
    )


def _licenses(metadata: Metadata) -> "list[License]":
    """Return the license as the distribution states it, as an SPDX identifier where it is one."""
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
    from cyclonedx.spdx import is_expression, is_supported_id

    text = (metadata.license_expression or metadata.license or "").strip()
    if is_supported_id(text):
        return [DisjunctiveLicense(id=text)]
    if text and is_expression(text):
        return [LicenseExpression(text)]
    names = [
        line.rpartition(" :: ")[2] for line in metadata.classifiers if line.startswith("License ::")
    ]
    if not names and text and "\n" not in text and len(text) < _NAME_LENGTH:
        names = [text]
    return [DisjunctiveLicense(name=name) for name in names]
