"""Rule `botocore_data`: models of AWS services that the project's code never names go.

Off unless asked for, as it is a guess: it reads `client("…")` and `resource("…")` in the project's
own code; a name that is computed, or that a dependency asks for, it does not see.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from hotpack.install import Tree
from hotpack.project import CodeFile
from hotpack.slim.rules import RuleReport

_DATA: Final = "botocore/data/"
_MAKERS: Final = frozenset({"client", "resource", "create_client"})
_ALWAYS: Final = frozenset({"sso", "sso-oidc", "sts"})
"""botocore's own credentials come from these."""


def drop_service_models(tree: Tree, code: Iterable[CodeFile]) -> tuple[Tree, RuleReport]:
    """Return the tree without the models of services that the code does not name."""
    named = {name for file in code if file.path.endswith(".py") for name in _named(file)}
    kept_names = named | _ALWAYS
    slimmed = tree.replaced(
        file for file in tree.files if _service(file.path) in {None, *kept_names}
    )
    services = ", ".join(sorted(named)) or "none"
    note = f"services that the code names: {services}"
    return slimmed, RuleReport.between("botocore_data", tree, slimmed, note)


def _service(path: str) -> str | None:
    """Return the service that a file is the model of, None for files that all services need."""
    service, slash, _ = path.removeprefix(_DATA).partition("/")
    return service if path.startswith(_DATA) and slash else None


def _named(file: CodeFile) -> Iterator[str]:
    try:
        module = ast.parse(file.source.read_bytes())
    except SyntaxError:
        return
    for node in ast.walk(module):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=maker) | ast.Name(id=maker),
                args=[ast.Constant(value=str(service)), *_],
            ) if maker in _MAKERS:
                yield service
            case ast.Call(func=ast.Attribute(attr=maker) | ast.Name(id=maker)) if maker in _MAKERS:
                for keyword in node.keywords:
                    if keyword.arg == "service_name" and isinstance(keyword.value, ast.Constant):
                        yield str(keyword.value.value)
            case _:
                pass
