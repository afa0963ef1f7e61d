"""What doctor says of machines that were made up."""

from dataclasses import replace
from pathlib import Path

import pytest

from hotpack.sandbox import ControlGroups, Machine, PlainFolders, enforcement
from hotpack.sandbox.bubblewrap import Bubblewrap
from hotpack.sandbox.control_groups import CONTROLLERS
from hotpack.sandbox.enforcement import Enforcement

LIMITED = "1,024 processes and threads"
CPU = "CPU in proportion to memory"
TMP = "/tmp of the configured size"
GROUPS = ControlGroups(1, dict.fromkeys(CONTROLLERS, Path("/groups")))
NO_GROUPS = ControlGroups(reason="no groups", remedy="be root")
ROOT = Machine(Bubblewrap(Path("bwrap")), GROUPS, "linux", (6, 1), (0, 1), is_root=True)
USER = Machine(Bubblewrap(Path("bwrap")), NO_GROUPS, "linux", (6, 1), (0, 1))
PLAIN = Machine(PlainFolders("it is not installed", "get it"), NO_GROUPS, "linux", (6, 1), (0,))
MAC = Machine(PlainFolders("darwin has no namespaces", "run it on Linux"), system="darwin")


def rows(machine: Machine) -> dict[str, Enforcement]:
    return {row.limit: row for row in enforcement(machine)}


@pytest.mark.parametrize(
    ("machine", "not_enforced"),
    [
        (ROOT, set()),
        (USER, set()),
        (PLAIN, {LIMITED, TMP}),
        (MAC, {"memory", CPU, LIMITED, TMP, "as many visible cores as on Lambda"}),
    ],
)
def test_what_is_enforced_depends_on_the_machine(machine: Machine, not_enforced: set[str]) -> None:
    found = rows(machine)
    named = {"memory", CPU, LIMITED, TMP, "as many visible cores as on Lambda"}
    assert {name for name in named if not found[name].enforced} == not_enforced
    assert found["function timeout"].enforced
    assert found["freeze between invocations"].enforced


def test_the_means_are_named() -> None:
    assert rows(ROOT)[CPU].by.startswith("control groups, version 1; at most this machine's 2")
    assert "control groups" in rows(ROOT)["memory"].by
    assert "SIGSTOP" in rows(USER)[CPU].by
    assert "RLIMIT_NPROC" in rows(USER)[LIMITED].by


def test_a_group_with_less_than_the_machine_is_said(tmp_path: Path) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    machine = replace(ROOT, groups=ControlGroups(1, dict.fromkeys(CONTROLLERS, tmp_path)))
    assert "at most 0.50 vCPU, 884 MB" in rows(machine)[CPU].by


def test_what_is_missing_says_why_and_what_to_do() -> None:
    tmp, limited = rows(PLAIN)[TMP], rows(PLAIN)[LIMITED]
    assert "it is not installed" in tmp.by
    assert tmp.how_to_get == "get it"
    assert (limited.by, limited.how_to_get) == ("no groups", "be root")


def test_an_old_kernel_counts_all_processes_of_the_user() -> None:
    old = Machine(Bubblewrap(Path("bwrap")), NO_GROUPS, "linux", (5, 10), (0, 1))
    assert not rows(old)[LIMITED].enforced


def test_an_ordinary_user_is_not_root_in_plain_folders_either() -> None:
    user = "a user that is not root"
    assert rows(PLAIN)[user].enforced
    as_root = rows(replace(PLAIN, is_root=True))[user]
    assert not as_root.enforced
    assert as_root.how_to_get == "get it"
