"""What a way to ship a project comes to, and the parts that ways are made of."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hotpack.cache import Cache
from hotpack.errors import LimitError
from hotpack.install import File
from hotpack.pack import Entry, Release
from hotpack.pipeline import Prepared, Tools, inline_variables
from hotpack.sandbox import Function
from hotpack.target.limits import EPHEMERAL_STORAGE_MB, MIB

_PAGE_BYTES: Final = 4096
_STEP_MB: Final = 512


@dataclass(frozen=True, slots=True)
class Shipped:
    """A project shipped one way: what the local Lambda needs to run it."""

    function: Function
    objects: Mapping[str, Path] = field(default_factory=dict)
    """What its bucket holds, by key."""

    release: Release | None = None
    """What hotpack built, for its own ways."""

    event: Callable[[bytes], bytes] = bytes
    """Turns the user's event into the one that this way's entry takes."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ship a project.

    `ship` raises LimitError where the result passes a limit of Lambda's, and DependencyError where
    a tool cannot be had or does not do its work.
    """

    name: str
    what: str
    """In a line, for people."""

    ship: Callable[[Prepared, Tools], Shipped]

    is_peer: bool = False
    """Whether it is another tool's."""

    checks_size: bool = True
    """Whether the package is held to Lambda's limit; the bare import is not."""


def libraries(prepared: Prepared) -> list[File]:
    """Return what the dependencies install, as they install it: without bytecode."""
    assets = {asset.distribution for asset in prepared.assets}
    return [file for file in prepared.installed.files if file.distribution not in assets]


def own_files(prepared: Prepared) -> list[Entry]:
    """Return the project's own files, assets included."""
    assets = {asset.distribution for asset in prepared.assets}
    code = [
        Entry(file.path, file.source, file.size, file.sha256, file.executable)
        for file in prepared.code
    ]
    data = [Entry.of_file(f) for f in prepared.installed.files if f.distribution in assets]
    return code + data


def starter(prepared: Prepared, preamble: str, cache: Cache) -> tuple[str, Entry]:
    """Return a handler that does what a tool's manual puts before the user's imports, and its file.

    The user's module stays as it is: the lines stand in a module of their own, which then imports
    it.
    """
    module, _, name = prepared.project.config.handler.rpartition(".")
    text = (
        f"{preamble}\nimport importlib\n\n"
        f"handler = getattr(importlib.import_module({module.replace('/', '.')!r}), {name!r})\n"
    )
    return "shipped_start.handler", text_entry("shipped_start.py", text, cache)


def text_entry(path: str, text: str, cache: Cache) -> Entry:
    """Return a file of the function with this text."""
    content = text.encode()
    source = cache.put("texts", hashlib.sha256(content).hexdigest(), content)
    return Entry.of_path(path, source)


def function_with(
    prepared: Prepared,
    name: str,
    handler: str,
    code: Path,
    *,
    tmp_bytes: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Function:
    """Return a function of the project's configuration with this code, a folder or a zip.

    /tmp is as large as the project says, or as the way needs it: what a user of it would set.

    Raises LimitError where Lambda has no /tmp that is large enough.
    """
    config = prepared.project.config
    return Function(
        name=name,
        handler=handler,
        runtime=config.target.runtime,
        architecture=config.target.architecture,
        code=code,
        memory_mb=config.memory_mb,
        timeout_s=config.timeout_s,
        ephemeral_storage_mb=max(config.ephemeral_storage_mb, _tmp_mb(tmp_bytes)),
        environment={
            **config.environment,
            **inline_variables(prepared.assets),
            **(environment or {}),
        },
    )


def size_in_tmp(files: Iterable[File]) -> int:
    """Return the bytes that files take in /tmp, in whole pages."""
    return sum(-(-file.size // _PAGE_BYTES) * _PAGE_BYTES for file in files)


def _tmp_mb(needed_bytes: int) -> int:
    needed_mb = math.ceil(needed_bytes * 1.02 / MIB / _STEP_MB) * _STEP_MB
    if needed_mb > EPHEMERAL_STORAGE_MB[1]:
        raise LimitError(f"it needs {needed_mb} MB of /tmp; Lambda gives {EPHEMERAL_STORAGE_MB[1]}")
    return needed_mb
