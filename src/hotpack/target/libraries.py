"""The shared libraries of Lambda's runtimes, and the symbol versions that they have.

Amazon Linux 2 has GCC 7.3's libstdc++, Amazon Linux 2023 GCC 11's. Versions of both from GCC's
own table, https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html.
"""

from typing import Final

from hotpack.target.runtimes import Runtime

GLIBC_LIBRARIES: Final = frozenset(
    {
        "ld-linux-aarch64.so.1",
        "ld-linux-x86-64.so.2",
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libnsl.so.1",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libutil.so.1",
    }
)

_OTHERS: Final = frozenset(
    {
        # What the interpreter itself and its standard library are linked with.
        "libbz2.so.1",
        "libcrypt.so.1",
        "libexpat.so.1",
        "libffi.so.6",
        "libgcc_s.so.1",
        "liblzma.so.5",
        "libstdc++.so.6",
        "libuuid.so.1",
        "libz.so.1",
    }
)

_GLIBCXX: Final = {"Amazon Linux 2": (3, 4, 24), "Amazon Linux 2023": (3, 4, 29)}
_CXXABI: Final = {"Amazon Linux 2": (1, 3, 11), "Amazon Linux 2023": (1, 3, 13)}


def has_library(runtime: Runtime, name: str) -> bool:
    """Return whether the runtime has a shared library of that file name."""
    own = f"libpython{runtime.python_version}.so.1.0", "libpython3.so"
    return name in GLIBC_LIBRARIES or name in _OTHERS or name in own


def newest_version(runtime: Runtime, family: str) -> tuple[int, ...] | None:
    """Return the newest symbol version of a family, e.g. of `GLIBC`; None for others' families."""
    match family:
        case "GLIBC":
            return runtime.glibc
        case "GLIBCXX":
            return _GLIBCXX[runtime.operating_system]
        case "CXXABI":
            return _CXXABI[runtime.operating_system]
        case _:
            return None
