"""Heavy Python dependencies on AWS Lambda: they fit, nothing is lost, the cold start is short.

project = hotpack.load_project(Path("my-function"))
result = hotpack.build(project, hotpack.Tools.of_this_machine())
print(result.release.package_bytes)
"""

__version__ = "0.1.0"

__all__ = ["Build", "HotpackError", "Project", "Tools", "build", "load_project"]

_HOMES = {
    "Build": "hotpack.pipeline",
    "HotpackError": "hotpack.errors",
    "Project": "hotpack.project",
    "Tools": "hotpack.pipeline",
    "build": "hotpack.pipeline",
    "load_project": "hotpack.project",
}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hotpack.errors import HotpackError
    from hotpack.pipeline import Build, Tools, build
    from hotpack.project import Project, load_project


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for, as `hotpack --help` asks for none."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hotpack' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOMES[name]), name)
    return found
