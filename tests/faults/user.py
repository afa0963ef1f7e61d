"""What users' code does to itself, in an invocation and in the init phase: see function/app.py."""

from collections.abc import Iterator
from typing import Final

from .matrix import Fault

EVERYWHERE: Final = (
    "import_in_threads",
    "fork_workers",
    "spawn_workers",
    "change_folder",
    "put_hooks_first",
    "reload_modules",
    "forget_modules",
    "change_root",
    "recurse",
    "write_into_own_package",
    "close_descriptors",
    "clear_environment",
    "change_mask",
)


def user_faults() -> Iterator[Fault]:
    """Yield them all."""
    for do in EVERYWHERE:
        for placement in ("bundled", "remote"):
            yield Fault(
                f"{do}, {placement}", "user", do=do, at="touch", placement=placement,
                is_slow=placement == "remote" and do not in {"fork_workers", "close_descriptors"},
            )  # fmt: skip
        if do not in {"spawn_workers", "fork_workers"}:  # they begin with what init has not ended
            yield Fault(f"{do} in init", "user", environment={"DO": do}, is_slow=do != "recurse")
    for do in ("clear_tmp", "clear_tmp_in_python"):
        yield Fault(do, "user", do=do, at="touch", look="hot", in_new_sandbox=True)
    for do in ("clear_tree_and_crash", "crash"):
        for at in ("init", "touch"):
            yield Fault(f"{do}, {at}", "user", do=do, at=at, error="exit status 3")
