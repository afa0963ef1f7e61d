"""Reading and checking [tool.hotpack]."""

from pathlib import Path

import pytest

from hotpack.errors import ConfigError
from hotpack.project import load_project
from hotpack.target.runtimes import host_runtime


def write(root: Path, table: str) -> Path:
    (root / "pyproject.toml").write_text(f'[tool.hotpack]\nhandler = "app.handler"\n{table}')
    return root


def test_defaults(tmp_path: Path) -> None:
    """A handler is enough."""
    config = load_project(write(tmp_path, "")).config
    assert config.handler == "app.handler"
    assert config.ephemeral_storage_mb == 512
    assert config.slim.strip
    assert not config.slim.provided


def test_everything(tmp_path: Path) -> None:
    """Every key of the documentation is taken."""
    table = """
runtime = "python3.13"
architecture = "arm64"
memory_mb = 2048
ephemeral_storage_mb = 1024
timeout_s = 60
include = ["app.py", "src/**"]
events = ["events/*.json"]
bucket = "my-artifacts"
budget_mb = 200
environment = { LOG_LEVEL = "debug" }
[tool.hotpack.slim]
provided = true
[tool.hotpack.place]
Typing_Extensions = "bundled"
"*" = "inline"
"""
    config = load_project(write(tmp_path, table)).config
    assert str(config.target) == "python3.13 on arm64"
    assert config.target.platform == "aarch64-manylinux_2_34"
    assert config.place == {"typing-extensions": "bundled", "*": "inline"}
    assert config.budget_mb == 200
    assert config.slim.provided


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ("starter = 'stack'", "true, false or a list of bytecode, collector", None),
        ("starter = ['stacks']", "one of bytecode, collector", "did you mean 'stack'?"),
        ("memorymb = 1", "has no key 'memorymb'", "did you mean 'memory_mb'?"),
        ("memory_mb = 64", "memory_mb = 64 is not a whole number from 128 to 10240", None),
        ("budget_mb = 0", "budget_mb = 0 is not a whole number from 1 to 10240", None),
        ("memory_mb = true", "memory_mb = True is not a whole number", None),
        ('timeout_s = "30"', "timeout_s = '30' is not a whole number", None),
        ('runtime = "pyhton3.12"', "is not one of python3.10", "did you mean 'python3.12'?"),
        ('runtime = "python3.9"', "is not a runtime that there is", "builds for python3.10, "),
        ('architecture = "amd64"', "is not one of x86_64, arm64", None),
        ('include = "app.py"', "include = 'app.py' is not a list of file patterns", "example"),
        ('include = ["../x"]', "is not a pattern inside the project's folder", None),
        ("slim = { strp = true }", "[tool.hotpack.slim] has no key 'strp'", "'strip'"),
        ("slim = { strip = 1 }", "slim.strip = 1 is not true or false", None),
        ('slim = { exclude = "numpy/tests/*" }', "is not a list of patterns", "numpy/tests/*"),
        ('slim = { exclude = ["/numpy/*"] }', "for paths in dependencies", "numpy/tests/*"),
        ("slim = { botocore_data = [1] }", "slim.botocore_data = 1 is not a text", None),
        ('slim = { botocore_data = "s3" }', "is not true or false", '["s3", "dynamodb"]'),
        ('place = { numpy = "inlined" }', "place.numpy = 'inlined' is not one of", "'inline'"),
        ("environment = { A = 1 }", "environment.A = 1 is not a text", None),
        ('assets = { Model = "a" }', "names one 'Model'", "HOTPACK_ASSET_MODEL"),
        ('assets = { a__b = "a" }', "digits and single underscores", None),
        ('assets = { model = "/opt/a" }', "is not a path inside the project's folder", None),
        ('assets = { model = "../a" }', "is not a path inside the project's folder", None),
        ('assets = { model = "." }', "is not a path inside the project's folder", None),
        ('function = "a b"', "is not a function's name", None),
        ('alias = "7"', "is not an alias", None),
        ('bucket = "s3://mine"', "is not a bucket's name", None),
        ('snap_start = "yes"', "snap_start = 'yes' is not true or false", None),
        ("env = { prod = { memory = 1 } }", "[tool.hotpack.env.prod] has no key 'memory'", "mem"),
        ("env = { prod = 1 }", "env.prod = 1 is not a table", None),
        ("assets = { model = 1 }", "assets.model = 1 is not a text", None),
    ],
)
def test_wrong_values(tmp_path: Path, table: str, message: str, hint: str | None) -> None:
    """A wrong key or value is an error that names the file, the key and the nearest name."""
    with pytest.raises(ConfigError) as caught:
        load_project(write(tmp_path, table))
    assert str(tmp_path / "pyproject.toml") in caught.value.message
    assert message in caught.value.message
    if hint is not None:
        assert caught.value.hint is not None
        assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("value", "tricks"),
    [
        ("true", ("bytecode", "collector", "stack")),
        ("false", ()),
        ('["stack", "collector"]', ("collector", "stack")),
    ],
)
def test_starter(tmp_path: Path, value: str, tricks: tuple[str, ...]) -> None:
    """It is on or off, or some of its tricks are on."""
    assert load_project(write(tmp_path, f"starter = {value}")).config.starter == tricks


def of_project(root: Path, requires: str, table: str = "") -> Path:
    write(root, table)
    path = root / "pyproject.toml"
    path.write_text(f'[project]\nrequires-python = "{requires}"\n{path.read_text()}')
    return root


@pytest.mark.parametrize(
    ("requires", "runtime"),
    [
        (">=3.14", "python3.14"),
        ("~=3.12.4", "python3.12"),
        ("<3.11", "python3.10"),
        (">=3.11", host_runtime()),
    ],
)
def test_default_runtime_is_what_the_project_requires(
    tmp_path: Path, requires: str, runtime: str
) -> None:
    """It is the running Python where requires-python allows it, else one that it allows."""
    assert load_project(of_project(tmp_path, requires)).config.target.runtime.name == runtime


@pytest.mark.parametrize(
    ("requires", "message", "hint"),
    [
        (">=3.13", "runtime = 'python3.12' is not what", "it allows python3.13, python3.14"),
        ("<3.9", "'<3.9' in [project] allows no runtime of Lambda's", "there are python3.10"),
        ("3.12", "'3.12' in [project] is no version specifier", '">=3.12"'),
    ],
)
def test_runtime_against_requires_python(
    tmp_path: Path, requires: str, message: str, hint: str
) -> None:
    """A runtime that the project is not for is an error that names those it is for."""
    with pytest.raises(ConfigError) as caught:
        load_project(of_project(tmp_path, requires, 'runtime = "python3.12"'))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_no_file(tmp_path: Path) -> None:
    """Without pyproject.toml the hint is how to start."""
    with pytest.raises(ConfigError, match="does not exist") as caught:
        load_project(tmp_path)
    assert "hotpack init" in (caught.value.hint or "")


def test_no_table(tmp_path: Path) -> None:
    """Without [tool.hotpack] the hint is how to write one."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    with pytest.raises(ConfigError, match=r"no \[tool.hotpack\] table") as caught:
        load_project(tmp_path)
    assert "hotpack init" in (caught.value.hint or "")


def test_no_handler(tmp_path: Path) -> None:
    """A table without a handler says what to add."""
    (tmp_path / "pyproject.toml").write_text("[tool.hotpack]\n")
    with pytest.raises(ConfigError, match="which handler to run"):
        load_project(tmp_path)


def test_not_toml(tmp_path: Path) -> None:
    """A file that is no TOML is named with the parser's words."""
    (tmp_path / "pyproject.toml").write_text("handler = \n")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_project(tmp_path)


ENVIRONMENTS = """
memory_mb = 512
environment = { AA = "1", BB = "1" }
[tool.hotpack.env.prod]
memory_mb = 1024
environment = { BB = "2" }
[tool.hotpack.env.dev]
function = "playground"
"""


def test_environment_overrides(tmp_path: Path) -> None:
    """An environment's keys come over the others, tables key by key."""
    root = write(tmp_path, ENVIRONMENTS)
    config = load_project(root, env="prod").config
    assert config.memory_mb == 1024
    assert config.environment == {"AA": "1", "BB": "2"}
    assert load_project(root).config.memory_mb == 512
    assert load_project(root, {"memory_mb": 256}, env="prod").config.memory_mb == 256


def test_environments_have_functions_of_their_own(tmp_path: Path) -> None:
    """Two environments are never one function because nobody named the second."""
    root = write(tmp_path, ENVIRONMENTS)
    name = load_project(root).name
    assert load_project(root).config.function == name
    assert load_project(root, env="prod").config.function == f"{name}-prod"
    assert load_project(root, env="dev").config.function == "playground"


def test_any_folder_gives_a_functions_name(tmp_path: Path) -> None:
    """A folder's name that Lambda would refuse becomes one that it takes."""
    root = tmp_path / "My project (2)"
    root.mkdir()
    assert load_project(write(root, "")).config.function == "my-project-2"


def test_unknown_environment(tmp_path: Path) -> None:
    """An environment that is not there is an error with the nearest name."""
    with pytest.raises(ConfigError, match=r"no \[tool.hotpack.env.prd\]") as caught:
        load_project(write(tmp_path, ENVIRONMENTS), env="prd")
    assert caught.value.hint == "did you mean 'prod'?"
