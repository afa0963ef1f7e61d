"""Rule `botocore_data`: models of AWS services that the project's code never names go.

Off unless asked for, as it is a guess: it reads `client("…")` and `resource("…")` in the project's
own code. Where a name is computed it keeps every model and says where; what a dependency asks for
it does not see. A list of services in place of `true` leaves nothing to guess.
"""

import ast
import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hotpack.errors import ConfigError
from hotpack.install import Tree
from hotpack.project import CodeFile
from hotpack.slim.rules import Caution, RuleReport

_DATA: Final = "botocore/data/"
_MAKERS: Final = frozenset({"client", "resource", "create_client"})
_MODULES: Final = frozenset({"boto3", "botocore"})
_ALWAYS: Final = frozenset({"signin", "sso", "sso-oidc", "sts"})
"""botocore's own credentials come from these."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A place in the code that names a service, or that may and cannot be read."""

    service: str | None
    place: str
    """E.g. `app.py:3`."""


def drop_unnamed_models(tree: Tree, code: Iterable[CodeFile]) -> tuple[Tree, RuleReport]:
    """Return the tree without the models of services that the code does not name.

    All stay, with a caution, where a name cannot be read, or where no service is named at all: then
    it is a dependency that needs botocore.
    """
    there = _services(tree)
    named = [item for file in code if file.path.endswith(".py") for item in _read(file)]
    names = {item.service for item in named if item.service in there}
    unread = sorted({item.place for item in named if item.service is None})
    if there and (unread or not names):
        why = f"only a run can tell the name in {', '.join(unread)}" if unread else ""
        caution = Caution(
            f"slim.botocore_data keeps every service: {why or 'the code names none'}",
            hint='say which are needed: botocore_data = ["s3", "dynamodb"]',
        )
        return tree, RuleReport.between("botocore_data", tree, tree, cautions=[caution])
    return _keep(tree, sorted(name for name in names if name))


def drop_service_models(tree: Tree, services: Sequence[str]) -> tuple[Tree, RuleReport]:
    """Return the tree with the models of these services only, and of what botocore itself needs.

    Raises ConfigError for one that the tree's botocore does not have.
    """
    there = _services(tree)
    for name in services:
        if there and name not in there:
            near = difflib.get_close_matches(name, sorted(there), n=1)
            raise ConfigError(
                f"slim.botocore_data names {name!r}, which botocore has no model of",
                hint=f"did you mean {near[0]!r}?"
                if near
                else 'name it as boto3.client does, e.g. ["s3", "dynamodb"]',
            )
    return _keep(tree, services)


def _keep(tree: Tree, services: Sequence[str]) -> tuple[Tree, RuleReport]:
    kept = {None, *services, *_ALWAYS}
    slimmed = tree.replaced(file for file in tree.files if _service(file.path) in kept)
    note = f"services that are named: {', '.join(services)}" if services else None
    return slimmed, RuleReport.between("botocore_data", tree, slimmed, note)


def _services(tree: Tree) -> set[str]:
    return {service for file in tree.files if (service := _service(file.path)) is not None}


def _service(path: str) -> str | None:
    """Return the service that a file is the model of, None for files that all services need."""
    service, slash, _ = path.removeprefix(_DATA).partition("/")
    return service if path.startswith(_DATA) and slash else None


def _read(file: CodeFile) -> Iterator[_Named]:
    """Yield the places of a module that name services."""
    try:
        module = ast.parse(file.source.read_bytes())
    except (SyntaxError, ValueError):
        yield _Named(None, file.path)
        return
    called = {id(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr=maker) | ast.Name(id=maker)) if maker in _MAKERS:
                asked = _asked(node)
                if asked is not None:
                    yield _Named(_text(asked), f"{file.path}:{node.lineno}")
            # The function handed on, or under another name: what it is called with is not seen.
            case ast.Attribute(value=ast.Name(id=owner), attr=maker) if (
                owner in _MODULES and maker in _MAKERS and id(node) not in called
            ):
                yield _Named(None, f"{file.path}:{node.lineno}")
            case ast.ImportFrom(module=owner, names=names) if owner in _MODULES and any(
                alias.name in _MAKERS and alias.asname for alias in names
            ):
                yield _Named(None, f"{file.path}:{node.lineno}")
            case _:
                pass


def _asked(call: ast.Call) -> ast.expr | None:
    """Return what a call gives as the service's name; None where it gives none, as boto3 needs."""
    named = (item.value for item in call.keywords if item.arg in {"service_name", None})
    return next(iter([*call.args[:1], *named]), None)


def _text(value: ast.expr) -> str | None:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
