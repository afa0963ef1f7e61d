"""The bill of materials: CycloneDX JSON of what is shipped, the same bytes for the same build."""

from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from hotpack import __version__
from hotpack.errors import HotpackError
from hotpack.install import Distribution, Tree
from hotpack.inventory.metadata import Metadata
from hotpack.inventory.requirements import Requirements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression


def make_sbom(
    project: str, tree: Tree, metadata: Mapping[str, Metadata], requirements: Requirements
) -> str:
    """Return the CycloneDX 1.6 document of a project's dependencies.

    The project is the root; every distribution is a component with its purl, its version, the
    SHA-256 of the wheel that it came from and its licence as it states it, and depends on what it
    requires on the target. There is no timestamp, and the serial number is made of the content.

    Raises HotpackError where cyclonedx-python-lib is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError:
        raise HotpackError(
            "a bill of materials needs cyclonedx-python-lib, which is not installed",
            hint="pip install 'hotpack[sbom]'",
        ) from None
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{project} {tree.digest}"))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the clock is no part of a build
    root = Component(name=project, type=ComponentType.APPLICATION, bom_ref=project)
    bom.metadata.component = root
    bom.metadata.tools.components.add(
        Component(name="hotpack", version=__version__, type=ComponentType.APPLICATION)
    )
    components = {item.name: _component(item, metadata[item.name]) for item in tree.distributions}
    bom.components.update(components.values())
    direct = [components[name] for name in requirements.direct if name in components]
    bom.register_dependency(root, direct)
    for name, component in components.items():
        wanted = requirements.requires.get(name, ())
        bom.register_dependency(component, [components[n] for n in wanted if n in components])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(distribution: Distribution, metadata: Metadata) -> "Component":
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("pypi", None, distribution.name, distribution.version)
    wheel = distribution.wheel
    return Component(
        name=distribution.name,
        version=distribution.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)] if wheel else [],
        licenses=_licenses(metadata),
    )


def _licenses(metadata: Metadata) -> "list[DisjunctiveLicense | LicenseExpression]":
    """Return the licence as the distribution states it: an expression, or a name in short words."""
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

    if metadata.license_expression:
        return [LicenseExpression(metadata.license_expression)]
    names = [
        line.rpartition(" :: ")[2] for line in metadata.classifiers if line.startswith("License ::")
    ]
    text = (metadata.license or "").strip()
    if not names and text and "\n" not in text and len(text) < 100:
        names = [text]
    return [DisjunctiveLicense(name=name) for name in names]
