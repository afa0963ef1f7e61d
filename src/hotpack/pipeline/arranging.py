"""Between the halves: which of the prepared files a cold start uses."""

from collections.abc import Mapping, Sequence

from hotpack.install import File
from hotpack.layout import (
    Arrangement,
    Imports,
    Use,
    arrange,
    changed_since,
    find_needs,
    imported,
    read_module,
    read_source,
    traced,
)
from hotpack.pipeline.preparing import Prepared
from hotpack.pipeline.tools import Tools
from hotpack.profile import PROFILE_NAME, Profile, read_profile
from hotpack.slim.exclude import refuse_hot

_NAMED = 3
"""Changed distributions that the warning of a stale profile names."""


def arrangement_of(prepared: Prepared, tools: Tools) -> Arrangement:
    """Return the dependencies' files by what a cold start needs of them.

    The project's profile says it, with a warning where it is stale; without one, its imports.

    Raises ConfigError for a profile that cannot be read, and for a pattern of slim.exclude that
    removes what it has.
    """
    tree = prepared.slimmed
    needs = find_needs(prepared.libraries, {file.path for file in tree.files})
    profile = read_profile(prepared.project.root)
    if profile is None:
        return arrange(tree, _imported(prepared, needs, tools), needs)
    memory_mb = prepared.project.config.memory_mb
    if profile.peak_memory_mb > memory_mb:
        tools.progress.warn(
            f"memory_mb is {memory_mb}, and a cold start took {profile.peak_memory_mb} MB when "
            f"{PROFILE_NAME} was recorded: Lambda kills a function that has too little",
            hint="raise memory_mb in [tool.hotpack]; `hotpack tune` shows what is cheapest",
        )
    changed = changed_since(profile, tree, prepared.project.config.target)
    if changed:
        tools.progress.warn(
            f"{PROFILE_NAME} is stale: {_difference(profile, prepared, changed)}",
            hint="record it anew with `hotpack trace`; until then cold starts restore more than "
            "they need",
        )
    else:
        slim = prepared.project.config.slim
        touched = (touch.path for touch in profile.touches)
        refuse_hot(prepared.installed, slim.exclude, slim.include, touched)
    return arrange(tree, traced(profile, tree, needs, changed), needs)


def _imported(prepared: Prepared, needs: Mapping[str, Sequence[str]], tools: Tools) -> Use:
    """Return what the project's own code imports, all of its files counted."""
    sources = [file.source for file in prepared.code if file.path.endswith(".py")]
    own = [read_source(source.read_bytes(), texts=True) for source in sources]
    names = [name for imports in own for name in (*imports.at_once, *imports.later)]
    with tools.progress.task("follow imports", None, "files") as advance:

        def read(file: File) -> Imports:
            advance(1)
            return read_module(file, tools.cache)

        return imported(prepared.slimmed, names, read, needs)


def _difference(profile: Profile, prepared: Prepared, changed: tuple[str, ...]) -> str:
    """Return in words what the profile is not of."""
    target = prepared.project.config.target
    if (profile.runtime, profile.architecture) != (target.runtime.name, target.architecture):
        return f"it is of {profile.runtime} on {profile.architecture}, and the target is {target}"
    named = ", ".join(changed[:_NAMED])
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    return f"it is of other versions of {named}{more}"
