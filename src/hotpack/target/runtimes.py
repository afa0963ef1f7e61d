"""The Python runtimes and architectures of AWS Lambda, and what follows from them."""

import platform
import sys
from dataclasses import dataclass
from typing import Final, Literal

Architecture = Literal["x86_64", "arm64"]
"""As Lambda writes it."""

ARCHITECTURES: Final[tuple[Architecture, ...]] = ("x86_64", "arm64")

_MACHINES: Final[dict[Architecture, str]] = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Runtime:
    """A managed Python runtime.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html and, for the glibc,
    the release notes of the two Amazon Linux versions.
    """

    name: str
    """As Lambda writes it, e.g. `python3.13`."""

    operating_system: str
    glibc: tuple[int, int]

    platform_glibc: tuple[int, int]
    """The newest manylinux tag that `uv --python-platform` knows and that this glibc can run.
    uv has no 2_18 to 2_27, so on Amazon Linux 2 (2.26) wheels tagged 2_24 or 2_26 are missed."""

    @property
    def python_version(self) -> str:
        """Major and minor version, e.g. `3.13`."""
        return self.name.removeprefix("python")

    @property
    def cache_tag(self) -> str:
        """The tag in names of bytecode files, e.g. `cpython-313`."""
        return "cpython-" + self.python_version.replace(".", "")

    @property
    def has_zstd(self) -> bool:
        """Whether its standard library can decompress zstd (PEP 784, Python 3.14)."""
        major, minor = self.python_version.split(".")
        return (int(major), int(minor)) >= (3, 14)


_AL2 = ("Amazon Linux 2", (2, 26), (2, 17))
_AL2023 = ("Amazon Linux 2023", (2, 34), (2, 34))

RUNTIMES: Final[dict[str, Runtime]] = {
    runtime.name: runtime
    for runtime in (
        Runtime("python3.10", *_AL2),
        Runtime("python3.11", *_AL2),
        Runtime("python3.12", *_AL2023),
        Runtime("python3.13", *_AL2023),
        Runtime("python3.14", *_AL2023),
    )
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is built for: a runtime on an architecture."""

    runtime: Runtime
    architecture: Architecture

    @property
    def machine(self) -> str:
        """The architecture as wheels and `uname -m` write it."""
        return _MACHINES[self.architecture]

    @property
    def platform(self) -> str:
        """The value for `uv --python-platform`, e.g. `x86_64-manylinux_2_34`."""
        major, minor = self.runtime.platform_glibc
        return f"{self.machine}-manylinux_{major}_{minor}"

    @property
    def module_suffixes(self) -> tuple[str, ...]:
        """The ends of modules' file names: the first of them that is there is what is imported."""
        tag = f"{self.runtime.cache_tag}-{self.machine}-linux-gnu"
        return f".{tag}.so", ".abi3.so", ".so", ".py", ".pyc"

    @property
    def markers(self) -> dict[str, str]:
        """Every variable of environment markers (PEP 508) but `extra`, so that none is the host's.

        AWS moves the third number of the version by itself; as for uv, it counts as 0.
        """
        version = self.runtime.python_version
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{version}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{version}.0",
            "python_version": version,
            "sys_platform": "linux",
        }

    def __str__(self) -> str:
        return f"{self.runtime.name} on {self.architecture}"


def host_runtime() -> str:
    """Return the name that Lambda would give the running Python, e.g. `python3.13`."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def host_architecture() -> Architecture | None:
    """Return the running machine's architecture as Lambda writes it, None where it has no such."""
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return next((known for known in ARCHITECTURES if known == machine), None)
