"""Finds secrets among the project's own files: what is in a function is read by whoever may."""

import fnmatch
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from hotpack.errors import ConfigError
from hotpack.project.code import CodeFile
from hotpack.project.config import Project

_MOST_BYTES: Final = 1024 * 1024
"""Of a file that are looked at: keys and settings are small, models are not."""

_NAMES: Final = (
    (".env", "settings that are kept out of repositories"),
    (".env.*", "settings that are kept out of repositories"),
    (".netrc", "passwords"),
    (".pgpass", "passwords"),
    (".pypirc", "passwords"),
    ("*.kdbx", "passwords"),
    ("*.jks", "a key store"),
    ("*.keystore", "a key store"),
    ("*.p12", "a key store"),
    ("*.pfx", "a key store"),
    ("id_dsa", "a private key"),
    ("id_ecdsa", "a private key"),
    ("id_ed25519", "a private key"),
    ("id_rsa", "a private key"),
)
_HARMLESS: Final = (".env.dist", ".env.example", ".env.sample", ".env.template")

_CONTENTS: Final = (
    # With the beginning of a key behind it, also in JSON: code that looks for the words is none.
    (
        re.compile(
            rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\s|\\[rn]){1,9}"
            rb"(?:[A-Za-z-]+: [^\r\n]*\r?\n){0,9}\s{0,9}[0-9A-Za-z+/]{32}"
        ),
        "a private key",
    ),
    (re.compile(rb"(?<![0-9A-Z])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])"), "an AWS access key"),
    (
        re.compile(
            rb"(?i)aws_?secret_?access_?key[\"']?\s*[:=]\s*[\"']?[0-9A-Za-z/+]{40}(?![0-9A-Za-z/+])"
        ),
        "an AWS secret key",
    ),
)


def refuse_secrets(project: Project, code: Iterable[CodeFile]) -> None:
    """Raise ConfigError where a file of the project's own looks like a secret.

    Dependencies are not looked at: everybody has those. `allow_secrets` in [tool.hotpack] names
    files that are none, as their paths in the function.
    """
    found = [
        (file.path, what)
        for file in code
        if not any(fnmatch.fnmatch(file.path, item) for item in project.config.allow_secrets)
        for what in _secrets_in(file)
    ]
    if found:
        path, what = found[0]
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise ConfigError(
            f"{path} would be in the function, and looks like {what}{more}",
            hint="leave it out (`include` in [tool.hotpack]) and read it from AWS Secrets Manager; "
            f'if it is no secret, allow_secrets = ["{path}"]',
        )


def _secrets_in(file: CodeFile) -> Iterator[str]:
    """Yield what a file looks like; one thing at most."""
    name = PurePosixPath(file.path).name
    for pattern, what in _NAMES:
        if fnmatch.fnmatch(name, pattern) and name not in _HARMLESS:
            yield what
            return
    with file.source.open("rb") as content:
        text = content.read(_MOST_BYTES)
    for contained, what in _CONTENTS:
        if any(b"EXAMPLE" not in match[0] for match in contained.finditer(text)):
            yield what
            return
