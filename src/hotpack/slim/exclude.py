"""Rule `exclude`: files that the user names go. Off without patterns; the user knows what for."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from hotpack.errors import ConfigError
from hotpack.install import File, Tree
from hotpack.progress import Progress
from hotpack.slim.rules import RuleReport


def drop_excluded(
    tree: Tree, exclude: Sequence[str], include: Sequence[str], progress: Progress
) -> tuple[Tree, RuleReport]:
    """Return the tree without the files that match a pattern of `exclude` and none of `include`.

    Patterns are for whole paths, `*` also matches slashes. Warns of a pattern that matches nothing;
    raises ConfigError for one that removes a `.dist-info`, without which packages are not found.
    """
    dropped: set[str] = set()
    for pattern in exclude:
        matches = [file for file in tree.files if fnmatchcase(file.path, pattern)]
        matches = [file for file in matches if not _any(file, include)]
        _check(pattern, matches, progress)
        dropped.update(file.path for file in matches)
    for pattern in include:
        if not any(fnmatchcase(file.path, pattern) for file in tree.files):
            progress.warn(f"slim.include pattern {pattern!r} matches no file")
    slimmed = tree.replaced(file for file in tree.files if file.path not in dropped)
    return slimmed, RuleReport.between("exclude", tree, slimmed)


def _check(pattern: str, matches: Sequence[File], progress: Progress) -> None:
    if not matches:
        progress.warn(
            f"slim.exclude pattern {pattern!r} matches no file",
            hint="patterns are for whole paths, as `hotpack sizes` shows them: numpy/tests/*",
        )
    metadata = next((file for file in matches if ".dist-info/" in file.path), None)
    if metadata is not None:
        raise ConfigError(
            f"slim.exclude pattern {pattern!r} would remove {metadata.path}: without it "
            f"{metadata.distribution} is not found by importlib.metadata",
            hint="narrow the pattern, or name *.dist-info/* in slim.include",
        )


def _any(file: File, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(file.path, pattern) for pattern in patterns)
