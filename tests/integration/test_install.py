"""Resolving and installing real wheels with uv."""

import os
import zipfile
from pathlib import Path

import pytest

from hotpack import install
from hotpack.cache import Cache
from hotpack.errors import DependencyError, IndexUnreachableError, NoWheelError
from hotpack.install import Kind, Lock, Tree, Uv
from hotpack.pipeline import Tools
from hotpack.progress import Silent
from hotpack.project import Dependencies, find_dependencies, load_project
from hotpack.target import RUNTIMES, Target

from .conftest import MakeProject

ARM = Target(RUNTIMES["python3.13"], "arm64")


def named(root: Path, *names: str) -> Dependencies:
    path = root / "requirements.txt"
    path.write_text("\n".join(names) + "\n")
    return Dependencies("requirements.txt", path, path.read_bytes())


def installed(lock: Lock, target: Target, tools: Tools) -> Tree:
    return install.install(lock, target, tools.uv, tools.cache, tools.progress)


def test_for_another_python_and_architecture(tmp_path: Path, tools: Tools) -> None:
    """Wheels for a Python and a processor that are not here are installed and listed."""
    lock = install.lock(
        named(tmp_path, "markupsafe", "pyyaml"), ARM, tools.uv, tmp_path, tools.progress
    )
    tree = installed(lock, ARM, tools)
    files = {file.path: file for file in tree.files}
    extension = files["markupsafe/_speedups.cpython-313-aarch64-linux-gnu.so"]
    assert extension.kind is Kind.EXTENSION
    assert extension.distribution == "markupsafe"
    assert extension.source.read_bytes()[18:20] == b"\xb7\x00"  # EM_AARCH64
    assert files["markupsafe/_speedups.pyi"].kind is Kind.STUB
    assert files["yaml/__init__.py"].distribution == "pyyaml"
    assert any(file.kind is Kind.METADATA for file in tree.files)
    assert [item.name for item in tree.distributions] == ["markupsafe", "pyyaml"]
    for item in tree.distributions:
        assert item.wheel is not None
        assert "cp313-cp313-manylinux" in item.wheel.name
        assert item.wheel.name.endswith("aarch64.whl")
        assert f"sha256:{item.wheel.sha256}" in lock.text
    assert list(files) == sorted(files)


def test_same_lock_is_not_installed_again(tmp_path: Path, tools: Tools, target: Target) -> None:
    """The second install of a lock does not run uv at all."""
    lock = install.lock(
        named(tmp_path, "markupsafe==3.0.3"), target, tools.uv, tmp_path, tools.progress
    )
    tree = installed(lock, target, tools)
    broken = Uv(os.environ, executable="/nonexistent/uv")
    again = install.install(lock, target, broken, tools.cache, tools.progress)
    assert again == tree
    kept = install.lock(named(tmp_path, "markupsafe==3.0.3"), target, broken, tmp_path, Silent())
    assert kept == lock


def test_scripts_run_with_lambdas_python(tmp_path: Path, tools: Tools, target: Target) -> None:
    """Console scripts name Lambda's interpreter, not this machine's."""
    lock = install.lock(
        named(tmp_path, "tabulate==0.9.0"), target, tools.uv, tmp_path, tools.progress
    )
    script = next(f for f in installed(lock, target, tools).files if f.path == "bin/tabulate")
    assert script.source.read_text().startswith(f"#!/var/lang/bin/{target.runtime.name}\n")
    assert script.executable


def test_no_wheel(tmp_path: Path, tools: Tools) -> None:
    """A dependency without a wheel for the target is named, with the ways out."""
    with pytest.raises(
        NoWheelError, match="psycopg2 has no wheel for python3.13 on arm64"
    ) as caught:
        install.lock(named(tmp_path, "psycopg2"), ARM, tools.uv, tmp_path, tools.progress)
    assert "psycopg2-binary" in (caught.value.hint or "")


def test_wheels_of_another_python(tmp_path: Path, tools: Tools) -> None:
    """Where there are wheels, but for other Pythons, their tags are said."""
    with pytest.raises(NoWheelError, match="its wheels are for .*cp310"):
        install.lock(
            named(tmp_path, "tensorflow-cpu<2.11"), ARM, tools.uv, tmp_path, tools.progress
        )


def test_does_not_exist(tmp_path: Path, tools: Tools) -> None:
    """A dependency that does not exist is named."""
    name = "hotpack-no-such-distribution"
    with pytest.raises(DependencyError, match=f"no package named {name}"):
        install.lock(named(tmp_path, name), ARM, tools.uv, tmp_path, tools.progress)


def test_no_network(tmp_path: Path) -> None:
    """An index that cannot be reached is said, and nothing is kept of the attempt."""
    nowhere = {
        **os.environ,
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_HTTP_RETRIES": "0",
    }
    with pytest.raises(IndexUnreachableError, match="cannot be reached"):
        install.lock(named(tmp_path, "markupsafe"), ARM, Uv(nowhere), tmp_path, Silent())
    assert not (tmp_path / "locks").exists()


def test_failed_install_leaves_nothing(tmp_path: Path, tools: Tools, target: Target) -> None:
    """An install that fails leaves nothing in the cache."""
    cache = Cache(tmp_path / "cache")
    lock = Lock("markupsafe==999.0.0")
    with pytest.raises(DependencyError):
        install.install(lock, target, tools.uv, cache, tools.progress)
    assert [path.name for path in cache.root.rglob("*") if path.is_file()] == ["lock"]


def test_uv_lock(tmp_path: Path, tools: Tools, target: Target) -> None:
    """A uv.lock decides the versions, and the project itself is not installed."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "locked"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["markupsafe==3.0.2"]\n[tool.hotpack]\nhandler = "app.handler"\n'
    )
    tools.uv.run(["lock", "--project", str(tmp_path), "--quiet"], target)
    dependencies = find_dependencies(load_project(tmp_path))
    assert dependencies is not None
    assert dependencies.source == "uv.lock"
    lock = install.lock(dependencies, target, tools.uv, tmp_path / "state", tools.progress)
    assert lock.pins == ("markupsafe==3.0.2",)
    assert [item.name for item in installed(lock, target, tools).distributions] == ["markupsafe"]


def test_uv_lock_of_a_project_that_no_python_here_may_run(
    tmp_path: Path, tools: Tools, target: Target
) -> None:
    """What uv.lock names is installed whichever Python there is; what is not checked is said."""
    path = tmp_path / "pyproject.toml"
    path.write_text(
        '[project]\nname = "newer"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["six==1.17.0"]\n[tool.hotpack]\nhandler = "app.handler"\n'
    )
    tools.uv.run(["lock", "--project", str(tmp_path), "--quiet"], target)
    dependencies = find_dependencies(load_project(tmp_path))
    for file in (path, tmp_path / "uv.lock"):
        file.write_text(file.read_text().replace(">=3.10", ">=3.99"))
    warnings: list[str] = []

    class Listening(Silent):
        def warn(self, message: str, *, hint: str | None = None) -> None:
            warnings.append(message)

    lock = install.lock(dependencies, target, tools.uv, tmp_path / "state", Listening())
    assert lock.pins == ("six==1.17.0",)
    assert ["uv.lock was not compared" in warning for warning in warnings] == [True]


def test_stale_uv_lock(tmp_path: Path, tools: Tools, target: Target) -> None:
    """A uv.lock that does not know a dependency is refused, not followed without a word."""
    path = tmp_path / "pyproject.toml"
    text = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.10"\n'
    text += 'dependencies = ["six"]\n[tool.hotpack]\nhandler = "app.handler"\n'
    path.write_text(text)
    tools.uv.run(["lock", "--project", str(tmp_path), "--quiet"], target)
    path.write_text(text.replace('"six"', '"six", "idna"'))
    dependencies = find_dependencies(load_project(tmp_path))
    with pytest.raises(DependencyError, match="uv.lock is older than the dependencies") as caught:
        install.lock(dependencies, target, tools.uv, tmp_path / "state", tools.progress)
    assert caught.value.hint == "run `uv lock`"


def test_wrong_hash(make_project: MakeProject, tools: Tools, target: Target) -> None:
    """Hashes that the user names are checked, also where an included file names them."""
    project = make_project(dependencies=("-r more.txt",))
    wrong = "six==1.17.0 --hash=sha256:" + "0" * 64
    (project.root / "more.txt").write_text(wrong + "\n")
    lock = install.lock(find_dependencies(project), target, tools.uv, project.state, tools.progress)
    with pytest.raises(DependencyError, match="Hash mismatch"):
        installed(lock, target, tools)


def test_only_a_wheel_of_ones_own(
    make_project: MakeProject, tools: Tools, target: Target, tmp_path: Path
) -> None:
    """A requirement may be a path to a wheel, and nothing else."""
    wheel = tmp_path / "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mine.py", "x = 1\n")
        metadata = "Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n"
        archive.writestr("mine-1.0.dist-info/METADATA", metadata)
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr("mine-1.0.dist-info/WHEEL", tag)
        names = (
            "mine.py",
            *(f"mine-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")),
        )
        archive.writestr("mine-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in names))
    project = make_project(dependencies=(str(wheel),))
    lock = install.lock(find_dependencies(project), target, tools.uv, project.state, tools.progress)
    tree = installed(lock, target, tools)
    assert [item.name for item in tree.distributions] == ["mine"]
    assert "mine.py" in {file.path for file in tree.files}


def test_project_dependencies(tmp_path: Path, tools: Tools, target: Target) -> None:
    """[project.dependencies] are taken where there is no other source; none at all is fine."""
    text = (
        '[project]\nname = "x"\nversion = "1"\ndependencies = {}\n[tool.hotpack]\nhandler = "a.b"\n'
    )
    (tmp_path / "pyproject.toml").write_text(text.format('["markupsafe==3.0.3"]'))
    dependencies = find_dependencies(load_project(tmp_path))
    assert dependencies is not None
    lock = install.lock(dependencies, target, tools.uv, tmp_path / "state", tools.progress)
    assert lock.pins == ("markupsafe==3.0.3",)
    (tmp_path / "pyproject.toml").write_text(text.format("[]"))
    assert find_dependencies(load_project(tmp_path)) is None
    assert installed(Lock(""), target, tools).files == ()


def test_included_requirements_count(make_project: MakeProject) -> None:
    """A change of an included file makes the resolution stale."""
    project = make_project(dependencies=("-r more.txt", "markupsafe"))
    before = find_dependencies(project)
    (project.root / "more.txt").write_text("six\n")
    after = find_dependencies(project)
    assert before is not None
    assert after is not None
    assert before.content != after.content


def test_editable_is_refused(tmp_path: Path, tools: Tools, target: Target) -> None:
    """An editable install would point out of the function: it is refused with the way out."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "lib"\nversion = "1"\n'
    )
    root = tmp_path / "root"
    info = root / "lib-1.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text("lib-1.dist-info/RECORD,,\n")
    (info / "direct_url.json").write_text('{"url": "file:///x", "dir_info": {"editable": true}}')
    with pytest.raises(DependencyError, match="lib is an editable install"):
        install.tree.list_tree(root, ".cpython-311-")


@pytest.mark.parametrize("source", ["pyproject.toml", "requirements.txt"])
def test_overrides_of_uv(tmp_path: Path, tools: Tools, target: Target, source: str) -> None:
    """[tool.uv] takes a dependency of a dependency out, and holds another to a version.

    A change of it resolves anew.
    """
    table = '[tool.hotpack]\nhandler = "app.handler"\n[project]\nname = "x"\nversion = "1"\n'
    settings = (
        "[tool.uv]\noverride-dependencies = [\"markupsafe ; sys_platform == 'never'\"]\n"
        'constraint-dependencies = ["jinja2 == 3.1.5"]\n'
    )
    if source == "requirements.txt":
        (tmp_path / source).write_text("jinja2\n")
    else:
        table += 'dependencies = ["jinja2"]\n'
    path = tmp_path / "pyproject.toml"
    path.write_text(table)
    before = install.lock(
        find_dependencies(load_project(tmp_path)), target, tools.uv, tmp_path, tools.progress
    )
    path.write_text(table + settings)
    after = install.lock(
        find_dependencies(load_project(tmp_path)), target, tools.uv, tmp_path, tools.progress
    )
    assert [pin.split("==")[0] for pin in before.pins] == ["jinja2", "markupsafe"]
    assert after.pins == ("jinja2==3.1.5",)
