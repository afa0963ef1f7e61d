"""Reads and checks `[tool.hotpack]` of a project's `pyproject.toml`."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from hotpack.errors import ConfigError
from hotpack.target import ARCHITECTURES, RUNTIMES, Target, limits
from hotpack.target.environment import check_environment
from hotpack.target.runtimes import host_architecture, host_runtime

Placement = Literal["inline", "bundled", "remote"]
PLACEMENTS: Final[tuple[Placement, ...]] = get_args(Placement)

Cold = Literal["background", "eager", "touch"]
"""When the files that a cold start does not need are restored: behind the others, with them, or
when something asks for them."""

COLDS: Final[tuple[Cold, ...]] = get_args(Cold)

Trick = Literal["bytecode", "collector", "stack"]
"""What the starter does so that an import is faster than a bare one (docs/performance.md)."""

TRICKS: Final[tuple[Trick, ...]] = get_args(Trick)

EVERY_DISTRIBUTION: Final = "*"
"""The name in `[tool.hotpack.place]` that pins whatever has no pin of its own."""

DEFAULT_EVENTS: Final = "events/*.json"

ASSET_VARIABLE: Final = "HOTPACK_ASSET_"
"""How the variables begin by which a function finds its assets."""

DEFAULT_RUNTIME: Final = "python3.13"
"""Where the running Python is none of Lambda's, or not what the project is for."""


@dataclass(frozen=True, slots=True)
class SlimConfig:
    """`[tool.hotpack.slim]`: which rules run."""

    caches: bool = True
    strip: bool = True
    bytecode: bool = True
    gpu: bool = True
    duplicates: bool = True
    provided: bool = False
    botocore_data: bool | tuple[str, ...] = False
    """Whether only the service models stay that the code names; or the services themselves."""

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """Exceptions to `exclude`."""


@dataclass(frozen=True, slots=True)
class Config:
    """`[tool.hotpack]`, checked, with its defaults."""

    handler: str
    target: Target
    memory_mb: int = 1769
    ephemeral_storage_mb: int = 512
    timeout_s: int = 30
    include: tuple[str, ...] = ()
    allow_secrets: tuple[str, ...] = ()
    """Patterns of files that look like secrets and are none."""

    events: tuple[str, ...] = (DEFAULT_EVENTS,)
    environment: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)
    """Name to a file or folder, relative to the project's folder."""

    function: str = ""
    """Its name on Lambda; the project's where nothing is set, with the environment's behind it."""

    alias: str = "live"
    """What callers name: it points at the version that is live."""

    role: str | None = None
    """Name or ARN of the role that the function has; None keeps the one it has."""

    region: str | None = None
    profile: str | None = None
    """None: as the AWS CLI finds them."""

    snap_start: bool = False
    bucket: str | None = None
    cold: Cold = "touch"
    starter: tuple[Trick, ...] = TRICKS
    budget_mb: int | None = None
    """The most that the function may weigh, in 10^6 bytes: a build over it fails."""

    slim: SlimConfig = SlimConfig()
    place: Mapping[str, Placement] = field(default_factory=dict)
    """Canonical distribution name, or EVERY_DISTRIBUTION, to its pinned placement."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folder, its name and its configuration."""

    root: Path
    name: str
    config: Config
    version: str | None = None
    """As `[project]` says it; None where it does not, or where a build backend would."""

    @property
    def state(self) -> Path:
        """Where hotpack keeps what it makes of this project."""
        return self.root / ".hotpack"


def load_project(
    root: Path, overrides: Mapping[str, Any] | None = None, env: str | None = None
) -> Project:
    """Return the project in the folder `root`.

    `env` names a table `[tool.hotpack.env.NAME]` whose keys come over those of `[tool.hotpack]`,
    tables in it key by key. `overrides` are keys that the command line sets over both. All are
    checked alike.

    Raises ConfigError when there is no `[tool.hotpack]`, or a key is unknown, of the wrong type
    or of an impossible value; the message names the file and the key.
    """
    path = root / "pyproject.toml"
    document = _read(path)
    table = document.get("tool", {}).get("hotpack")
    if not isinstance(table, dict):
        raise ConfigError(
            f"{path} has no [tool.hotpack] table",
            hint="run `hotpack init` in the project's folder to write one",
        )
    metadata = document.get("project", {})
    allowed = runtimes_allowed(path, metadata)
    name = canonicalize_name(str(metadata.get("name") or root.resolve().name))
    function = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64] or "function"
    chosen = _of_environment(path, {"function": function, **table}, env)
    merged = {**chosen, **(overrides or {})}
    config = _config(path, {"runtime": default_runtime(allowed), **merged})
    if config.target.runtime.name not in allowed:
        raise ConfigError(
            f"{path}: runtime = {config.target.runtime.name!r} is not what requires-python = "
            f"{metadata['requires-python']!r} in [project] allows",
            hint=f"it allows {', '.join(allowed)}",
        )
    return Project(root, name, config, metadata.get("version"))


def _of_environment(path: Path, table: dict[str, Any], env: str | None) -> dict[str, Any]:
    """Return `[tool.hotpack]` with the keys of an environment over it, and without the others."""
    base = {key: value for key, value in table.items() if key != "env"}
    environments = _table(path, "env", table.get("env", {}))
    for known, overrides in environments.items():
        if not re.fullmatch(r"[A-Za-z0-9][\w-]*", known):
            raise _wrong(path, "env", known, "a name of letters, digits, - and _")
        _refuse_unknown(
            path, f"tool.hotpack.env.{known}", _table(path, f"env.{known}", overrides), _KEYS
        )
    if env is None:
        return base
    if env not in environments:
        near = difflib.get_close_matches(env, environments, n=1)
        raise ConfigError(
            f"{path} has no [tool.hotpack.env.{env}]",
            hint=f"did you mean {near[0]!r}?" if near else "add the table; it may be empty",
        )
    # Two environments in one account shall not be one function because nobody named the second.
    merged = {**base, "function": f"{base['function']}-{env}"}
    for key, value in environments[env].items():
        both_tables = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = {**base[key], **value} if both_tables else value
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist",
            hint="run hotpack in the project's folder, name it with --project, "
            "or start one with `hotpack init`",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _config(path: Path, table: dict[str, Any]) -> Config:
    """Check every key of the table and put it where it belongs."""
    _refuse_unknown(path, "tool.hotpack", table, _KEYS)
    values = {key: _KEYS[key](path, key, value) for key, value in table.items()}
    if "handler" not in values:
        raise ConfigError(
            f"{path}: [tool.hotpack] does not say which handler to run",
            hint='add handler = "module.function", as Lambda writes it',
        )
    runtime = RUNTIMES[values.pop("runtime")]
    architecture = values.pop("architecture", None) or host_architecture() or "x86_64"
    return Config(target=Target(runtime, architecture), **values)


def runtimes_allowed(path: Path, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the runtimes that `requires-python` of `[project]` in the file allows, oldest first.

    AWS moves the third number by itself: a runtime is allowed where some number there is.

    Raises ConfigError where it allows none, or cannot be read.
    """
    wanted = metadata.get("requires-python", "")
    try:
        specifiers = SpecifierSet(str(wanted))
    except InvalidSpecifier:
        raise ConfigError(
            f"{path}: requires-python = {wanted!r} in [project] is no version specifier",
            hint='for example ">=3.12"',
        ) from None
    allowed = tuple(
        runtime.name
        for runtime in RUNTIMES.values()
        if any(specifiers.filter(f"{runtime.python_version}.{patch}" for patch in range(100)))
    )
    if not allowed:
        raise ConfigError(
            f"{path}: requires-python = {wanted!r} in [project] allows no runtime of Lambda's",
            hint=f"there are {', '.join(RUNTIMES)}",
        )
    return allowed


def default_runtime(allowed: Sequence[str]) -> str:
    """Return the running Python's name on Lambda where it is allowed, else a recent runtime."""
    wished = (host_runtime(), DEFAULT_RUNTIME)
    return next((name for name in wished if name in allowed), allowed[-1])


def _refuse_unknown(path: Path, table_name: str, table: dict[str, Any], known: Any) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"{path}: [{table_name}] has no key {key!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(known))}",
            )


def _wrong(
    path: Path, key: str, value: object, wanted: str, hint: str | None = None
) -> ConfigError:
    return ConfigError(f"{path}: {key} = {value!r} is not {wanted}", hint=hint)


def _text(path: Path, key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(path, key, value, "a text")
    return value


def _yes_or_no(path: Path, key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, key, value, "true or false")
    return value


def _matching(pattern: str, wanted: str) -> Callable[[Path, str, object], str]:
    def check(path: Path, key: str, value: object) -> str:
        text = _text(path, key, value)
        if not re.fullmatch(pattern, text):
            raise _wrong(path, key, value, wanted)
        return text

    return check


def _handler(path: Path, key: str, value: object) -> str:
    text = _text(path, key, value)
    if not re.fullmatch(r"[A-Za-z_][\w./-]*\.[A-Za-z_]\w*", text):
        raise _wrong(path, key, value, "of the form module.function", 'for example "app.handler"')
    return text


def _patterns(path: Path, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(
            path, key, value, "a list of file patterns", 'for example ["app.py", "src/**"]'
        )
    for item in value:
        if item.startswith("/") or ".." in item.split("/"):
            raise _wrong(path, key, item, "a pattern inside the project's folder")
    return tuple(value)


def _paths(path: Path, key: str, value: object) -> tuple[str, ...]:
    """Check patterns for the files of dependencies."""
    wanted, hint = "a list of patterns", 'for example ["numpy/tests/*"]'
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(path, key, value, wanted, hint)
    for item in value:
        if not item or item.startswith("/") or ".." in item.split("/"):
            wanted = "a pattern for paths in dependencies, which begin with a package's folder"
            raise _wrong(path, key, item, wanted, hint)
    return tuple(value)


def _number(least: int, most: int) -> Callable[[Path, str, object], int]:
    def check(path: Path, key: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _wrong(path, key, value, f"a whole number from {least} to {most}")
        return value

    return check


def _one_of(choices: tuple[str, ...]) -> Callable[[Path, str, object], str]:
    def check(path: Path, key: str, value: object) -> str:
        if value not in choices:
            near = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.4)
            raise _wrong(
                path,
                key,
                value,
                f"one of {', '.join(choices)}",
                f"did you mean {near[0]!r}?" if near else None,
            )
        return str(value)

    return check


def _runtime(path: Path, key: str, value: object) -> str:
    """Check a runtime: of another version none is meant by its spelling."""
    if re.fullmatch(r"python\d+(\.\d+)?", str(value)) and value not in RUNTIMES:
        hint = f"hotpack builds for {', '.join(RUNTIMES)}"
        raise _wrong(path, key, value, "a runtime that there is", hint)
    return _one_of(tuple(RUNTIMES))(path, key, value)


def _starter(path: Path, key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return TRICKS if value else ()
    if not isinstance(value, list):
        raise _wrong(path, key, value, f"true, false or a list of {', '.join(TRICKS)}")
    check = _one_of(TRICKS)
    return tuple(sorted({check(path, key, item) for item in value}))


def _table(path: Path, key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, key, value, "a table")
    return value


def _environment(path: Path, key: str, value: object) -> dict[str, str]:
    table = _table(path, key, value)
    environment = {name: _text(path, f"environment.{name}", text) for name, text in table.items()}
    check_environment(environment)
    return environment


def _assets(path: Path, key: str, value: object) -> dict[str, str]:
    table = _table(path, key, value)
    for name, place in table.items():
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            raise ConfigError(
                f"{path}: [tool.hotpack.assets] names one {name!r}: a name is of lowercase "
                "letters, digits and single underscores",
                hint=f"it becomes a variable, as model becomes {ASSET_VARIABLE}MODEL",
            )
        parts = Path(_text(path, f"assets.{name}", place)).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise _wrong(path, f"assets.{name}", place, "a path inside the project's folder")
    return table


def _slim(path: Path, key: str, value: object) -> SlimConfig:
    table = _table(path, key, value)
    _refuse_unknown(path, "tool.hotpack.slim", table, SlimConfig.__dataclass_fields__)
    values: dict[str, Any] = {}
    for rule, value_ in table.items():
        if rule in {"exclude", "include"}:
            values[rule] = _paths(path, f"slim.{rule}", value_)
        elif rule == "botocore_data" and isinstance(value_, list):
            values[rule] = tuple(_text(path, f"slim.{rule}", item) for item in value_)
        elif isinstance(value_, bool):
            values[rule] = value_
        else:
            hint = 'or a list of services, for example ["s3", "dynamodb"]'
            is_list = rule == "botocore_data"
            raise _wrong(path, f"slim.{rule}", value_, "true or false", hint if is_list else None)
    return SlimConfig(**values)


def _place(path: Path, key: str, value: object) -> dict[str, str]:
    check = _one_of(PLACEMENTS)
    return {
        name if name == EVERY_DISTRIBUTION else canonicalize_name(name): check(
            path, f"place.{name}", placement
        )
        for name, placement in _table(path, key, value).items()
    }


_KEYS: Final[dict[str, Callable[[Path, str, object], Any]]] = {
    "alias": _matching(
        r"(?!\d+$)[A-Za-z0-9_-]{1,128}", "an alias: letters, digits, - and _, no number"
    ),
    "allow_secrets": _patterns,
    "architecture": _one_of(ARCHITECTURES),
    "assets": _assets,
    "bucket": _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name"),
    "budget_mb": _number(1, 10_240),
    "cold": _one_of(COLDS),
    "environment": _environment,
    "ephemeral_storage_mb": _number(*limits.EPHEMERAL_STORAGE_MB),
    "events": _patterns,
    "function": _matching(
        r"[A-Za-z0-9_-]{1,64}", "a function's name: up to 64 letters, digits, - and _"
    ),
    "handler": _handler,
    "include": _patterns,
    "memory_mb": _number(*limits.MEMORY_MB),
    "place": _place,
    "profile": _text,
    "region": _text,
    "role": _text,
    "runtime": _runtime,
    "slim": _slim,
    "snap_start": _yes_or_no,
    "starter": _starter,
    "timeout_s": _number(*limits.TIMEOUT_S),
}
