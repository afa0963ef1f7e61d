"""What of a tree would not load on the target."""

from pathlib import Path

from hotpack.audit import Libraries, audit
from hotpack.binaries import Library
from hotpack.install import File, Kind
from hotpack.target import RUNTIMES, Target

OLD = Target(RUNTIMES["python3.11"], "x86_64")
NEW = Target(RUNTIMES["python3.13"], "x86_64")


def library(
    *,
    machine: str = "x86_64",
    soname: str | None = None,
    needed: tuple[str, ...] = (),
    versions: tuple[tuple[str, str], ...] = (),
) -> Library:
    return Library(machine, soname, needed, (), versions)


def libraries(**by_path: Library) -> Libraries:
    return Libraries(
        {
            path: (File(path, 1, "", Kind.EXTENSION, path.split("_")[0], False, Path(path)), item)
            for path, item in by_path.items()
        }
    )


def problems(found: Libraries, target: Target = NEW) -> list[str]:
    return [f"{item.severity}: {item.distribution} {item.problem}" for item in audit(found, target)]


def test_all_is_well() -> None:
    """What the runtime or the tree has is no finding."""
    fine = library(needed=("libc.so.6", "libstdc++.so.6", "libown.so.1"))
    assert problems(libraries(a_x=fine, b_y=library(soname="libown.so.1"))) == []


def test_wrong_processor() -> None:
    """A library for another processor is named, with both."""
    found = problems(libraries(a_x=library(machine="aarch64")))
    assert found == ["error: a is for aarch64, and the target is x86_64"]


def test_too_new_a_glibc() -> None:
    """A library that needs a newer glibc than the runtime's is named, with both versions."""
    needs = library(versions=(("libc.so.6", "GLIBC_2.28"), ("libc.so.6", "GLIBC_2.3.4")))
    assert problems(libraries(a_x=needs), NEW) == []
    assert problems(libraries(a_x=needs), OLD) == [
        "error: a needs GLIBC_2.28; python3.11 (Amazon Linux 2) has GLIBC_2.26"
    ]


def test_too_new_a_libstdcxx() -> None:
    """A newer libstdc++ than the runtime's is a finding, unless the tree brings one."""
    needs = library(versions=(("libstdc++.so.6", "GLIBCXX_3.4.30"),))
    assert len(problems(libraries(a_x=needs))) == 1
    assert problems(libraries(a_x=needs, b_y=library(soname="libstdc++.so.6"))) == []


def test_library_that_nobody_has() -> None:
    """A needed library that neither tree nor runtime has is warned of, once a distribution."""
    needs = library(needed=("libGL.so.1",))
    found = audit(libraries(cv_x=needs, cv_y=needs), NEW)
    assert [item.severity for item in found] == ["warning"]
    assert "libGL.so.1" in found[0].problem
    assert "headless" in found[0].way_out


def test_gpu_libraries_that_nobody_has() -> None:
    """What a file needs of a GPU is one warning, with the CPU build as the way out."""
    needs = library(needed=("libcudart.so.12", "libcublasLt.so.12", "libcuda.so.1", "libGL.so.1"))
    [gpu, gl] = audit(libraries(torch_x=needs), NEW)
    assert gpu.problem == (
        "needs libcudart.so.12, libcublasLt.so.12, libcuda.so.1, and Lambda has no GPU"
    )
    assert "UV_TORCH_BACKEND=cpu" in gpu.way_out
    assert "libGL.so.1" in gl.problem


def test_needs_between_distributions() -> None:
    """A need that only another distribution meets is told; one's own comes first."""
    found = libraries(
        a_x=library(needed=("libb.so", "libown.so")),
        a_own=library(soname="libown.so"),
        b_y=library(soname="libb.so"),
        b_own=library(soname="libown.so"),
    )
    assert [(f.path, name, owner) for f, name, owner in found.needs_between()] == [
        ("a_x", "libb.so", "b")
    ]
