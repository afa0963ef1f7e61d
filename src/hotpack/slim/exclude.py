"""Rule `exclude`: files that the user names go. Off without patterns; the user knows what for."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from hotpack.errors import ConfigError
from hotpack.install import File, Tree
from hotpack.slim.rules import Caution, RuleReport


def drop_excluded(
    tree: Tree, exclude: Sequence[str], include: Sequence[str]
) -> tuple[Tree, RuleReport]:
    """Return the tree without the files that match a pattern of `exclude` and none of `include`.

    Patterns are for whole paths, `*` also matches slashes. The report cautions against a pattern
    that matches nothing. Raises ConfigError for one that removes a `.dist-info`, without which
    packages are not found.
    """
    paths = [file.path for file in tree.files]
    cautions = [
        Caution(f"slim.{key} pattern {pattern!r} matches no file", hint=_hint(pattern, paths))
        for key, patterns in (("exclude", exclude), ("include", include))
        for pattern in patterns
        if not _any(paths, pattern)
    ]
    if not exclude:
        cautions.append(
            Caution(
                "slim.include does nothing without slim.exclude",
                hint="it names exceptions to slim.exclude; the project's own files are named by "
                "`include` in [tool.hotpack]",
            )
        )
    kept: list[File] = []
    for file in tree.files:
        pattern = _excluding(file.path, exclude, include)
        if pattern is None:
            kept.append(file)
        elif ".dist-info/" in file.path:
            raise ConfigError(
                f"slim.exclude pattern {pattern!r} would remove {file.path}: without it "
                f"{file.distribution} is not found by importlib.metadata",
                hint="narrow the pattern, or name *.dist-info/* in slim.include",
            )
    slimmed = tree.replaced(kept)
    return slimmed, RuleReport.between("exclude", tree, slimmed, cautions=cautions)


def refuse_hot(
    tree: Tree, exclude: Sequence[str], include: Sequence[str], hot: Iterable[str]
) -> None:
    """Raise ConfigError for a pattern that removes a file of the tree which a cold start uses.

    `hot` are the paths that a profile has; what is no file of the tree does not count.
    """
    there = {file.path for file in tree.files} if exclude else set()
    for path in hot:
        pattern = _excluding(path, exclude, include) if path in there else None
        if pattern is not None:
            raise ConfigError(
                f"slim.exclude pattern {pattern!r} removes {path}, which a cold start uses",
                hint=f"narrow the pattern, or name {path} in slim.include; if that is no longer "
                "so, record the profile anew with `hotpack trace`",
            )


def _excluding(path: str, exclude: Sequence[str], include: Sequence[str]) -> str | None:
    """Return the pattern of `exclude` that a path is dropped for, None where it stays."""
    pattern = next((each for each in exclude if fnmatchcase(path, each)), None)
    return None if any(fnmatchcase(path, each) for each in include) else pattern


def _hint(pattern: str, paths: Sequence[str]) -> str:
    """Return what was meant, or how patterns are written."""
    meant = next((near for near in _nearest(pattern, paths) if _any(paths, near)), None)
    if meant is not None:
        return f"did you mean {meant!r}?"
    return "a pattern is for the whole path of a dependency's file, e.g. numpy/tests/*"


def _nearest(pattern: str, paths: Sequence[str]) -> Iterator[str]:
    """Yield patterns that the user may have meant: a folder, a folder anywhere, names mistyped."""
    bare = pattern.removeprefix("./").rstrip("/")
    respelled = _respelled(bare, paths)
    for name in (bare, respelled):
        yield from (name, f"{name}/*", f"*/{name}", f"*/{name}/*")


def _respelled(pattern: str, paths: Iterable[str]) -> str:
    """Return the pattern with each of its names as it is spelled in the tree, or nearly so."""
    names: list[str] = []
    for name in pattern.split("/"):
        folder = "".join(f"{each}/" for each in names)
        there = {
            path.removeprefix(folder).split("/")[0] for path in paths if path.startswith(folder)
        }
        names.append(next(iter(difflib.get_close_matches(name, sorted(there), n=1)), name))
    return "/".join(names)


def _any(paths: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(path, pattern) for path in paths)
