"""Which modules a module imports, told from its file."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from hotpack.cache import Cache, digest_of
from hotpack.install import File, Kind

_VERSION: Final = 1
_C_STRING: Final = re.compile(rb"(?<=\0)[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?=\0)")


@dataclass(frozen=True, slots=True)
class Imports:
    """The names that a module imports, in the order in which they stand in it.

    A relative name begins with its dots. `from a import b` is `a.b`: whether b is a module is seen
    where the modules are known.
    """

    at_once: tuple[str, ...] = ()
    """When it is imported."""

    later: tuple[str, ...] = ()
    """In functions: when they are called, if they ever are."""


def read_source(source: bytes, *, texts: bool = False) -> Imports:
    """Return what a source imports; nothing where it is no Python.

    Counted are import statements, and `import_module` and `__import__` of a literal; with `texts`
    every constant that could be a module's name, e.g. in `spacy.load("en_core_web_sm")`. What is
    only for type checkers is not.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return Imports()
    # Statements alone are a tenth of the nodes: tensorflow's take 8 s in all, else 16 s.
    calls = texts or b"import_module" in source or b"__import__" in source
    at_once: dict[str, None] = {}
    later: dict[str, None] = {}
    waiting: list[tuple[ast.AST, bool]] = [(module, False)]
    while waiting:
        node, is_later = waiting.pop()
        (later if is_later else at_once).update(dict.fromkeys(_names(node, texts=texts)))
        is_later |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        waiting += [(child, is_later) for child in reversed(_children(node, calls=calls))]
    return Imports(tuple(at_once), tuple(later))


def read_unconditional(source: bytes) -> Imports:
    """Return what a source imports whenever it is imported: at its top, inside of no other block.

    Where a name is not there, the import of the source fails.
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return Imports()
    names = (name for node in statements for name in _names(node, texts=False))
    return Imports(tuple(dict.fromkeys(names)))


def read_extension(content: bytes) -> Imports:
    """Return what an extension module may import: dotted names among its C strings.

    Cython's modules import in C what their sources import; thinc finds blis by nothing else.
    """
    found = dict.fromkeys(match.decode() for match in _C_STRING.findall(content))
    return Imports(later=tuple(found))


def read_module(file: File, cache: Cache) -> Imports:
    """Return what a module of a tree imports; what was read of the same content before is cached.

    Nothing where only its bytecode is there.
    """
    if file.kind not in {Kind.SOURCE, Kind.EXTENSION}:
        return Imports()
    key = digest_of("imports", _VERSION, file.kind, file.sha256)
    entry = cache.path("imports", key)
    if not entry.is_file():
        read = read_source if file.kind is Kind.SOURCE else read_extension
        cache.put("imports", key, json.dumps(astuple(read(file.source.read_bytes()))).encode())
    at_once, later = json.loads(entry.read_bytes())
    return Imports(tuple(at_once), tuple(later))


def _names(node: ast.AST, *, texts: bool) -> Iterator[str]:
    """Yield what one node imports."""
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            base = "." * node.level + (node.module or "")
            yield from (_join(base, alias.name) for alias in node.names)
        case ast.Call(args=[ast.Constant(value=str(name)), *rest]) if _imports(node.func):
            yield _join(_literal(rest), name) if name.startswith(".") else name
        case ast.Constant(value=str(text)) if texts and text.replace(".", "_").isidentifier():
            yield text
        case _:
            pass


def _children(node: ast.AST, *, calls: bool) -> list[ast.AST]:
    """Return the nodes below one that may import at run time."""
    if isinstance(node, ast.If) and _is_for_type_checkers(node.test):
        return [*node.orelse]
    if calls:
        return list(ast.iter_child_nodes(node))
    blocks = (
        getattr(node, name, ()) for name in ("body", "handlers", "orelse", "finalbody", "cases")
    )
    return [child for block in blocks if isinstance(block, list) for child in block]


def _join(base: str, name: str) -> str:
    """Return the name below the base: `.a` and `b` is `.a.b`, `..` and `b` is `..b`."""
    if name == "*" or not base:
        return base if name == "*" else name
    return base + name.lstrip(".") if base.endswith(".") else f"{base}.{name.lstrip('.')}"


def _literal(rest: Sequence[ast.expr]) -> str:
    """Return the package that a relative `import_module` names, `.` where only it knows."""
    match rest:
        case [ast.Constant(value=str(package)), *_]:
            return package
        case _:
            return "."


def _imports(function: ast.expr) -> bool:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in {"import_module", "__import__"}
        case _:
            return False


def _is_for_type_checkers(test: ast.expr) -> bool:
    match test:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "TYPE_CHECKING"
        case _:
            return False
