"""Control groups on a made-up tree of files: no kernel is asked."""

import shutil
from pathlib import Path

import pytest

from hotpack.sandbox import control_group_probe
from hotpack.sandbox.control_groups import CONTROLLERS, ControlGroups, Group, Version


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    return tmp_path / "proc"


def says(proc: Path, mounts: list[str], own: list[str]) -> None:
    (proc / "self" / "mountinfo").write_text("\n".join(mounts) + "\n")
    (proc / "self" / "cgroup").write_text("\n".join(own) + "\n")


def made(version: Version, root: Path) -> Group:
    groups = ControlGroups(version, {name: root / name for name in CONTROLLERS})
    for parent in groups.parents.values():
        parent.mkdir(parents=True)
    return groups.make("hotpack-x")


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_version_1_is_written_in_its_words(tmp_path: Path) -> None:
    group = made(1, tmp_path)
    group.limit_cpu(128 / 1769)
    group.limit_memory(128, 512)
    group.limit_processes()
    assert content(tmp_path / "cpu" / "hotpack-x") == {
        "cpu.cfs_period_us": "20000",
        "cpu.cfs_quota_us": "1447",
    }
    # Memory, all of /tmp, and 64 MiB for the kernel.
    expected = {"memory.limit_in_bytes": str(704 * 1024 * 1024)}
    assert content(tmp_path / "memory" / "hotpack-x") == expected
    assert content(tmp_path / "pids" / "hotpack-x") == {"pids.max": "1024"}
    group.limit_cpu(None)
    assert content(tmp_path / "cpu" / "hotpack-x")["cpu.cfs_quota_us"] == "-1"
    assert [door.name for door in group.doors()] == ["tasks"] * 3


def test_version_2_is_written_in_its_words(tmp_path: Path) -> None:
    tmp_path.joinpath("own").mkdir()
    group = ControlGroups(2, dict.fromkeys(CONTROLLERS, tmp_path / "own")).make("hotpack-x")
    group.limit_cpu(2.0)
    group.limit_memory(128, 512)
    group.limit_processes()
    assert content(tmp_path / "own" / "hotpack-x") == {
        "cpu.max": "40000 20000",
        "memory.max": str(704 * 1024 * 1024),
        "pids.max": "1024",
    }
    group.limit_cpu(None)
    assert content(tmp_path / "own" / "hotpack-x")["cpu.max"] == "max 20000"
    assert group.doors() == (tmp_path / "own" / "hotpack-x" / "cgroup.procs",)


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (1, {"cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n"}),
        (2, {"cpu.max": "50000 100000\n"}),
    ],
)
def test_no_group_asks_for_more_cpu_time_than_those_above_it_have(
    tmp_path: Path, version: Version, files: dict[str, str]
) -> None:
    own = tmp_path / "above" / "own"
    own.mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "above" / name).write_text(text)
        (own / name).write_text(text.replace("50000", "-1" if version == 1 else "max"))
    groups = ControlGroups(version, {"cpu": own})
    assert groups.cpu_cap() == 0.5
    group = groups.make("hotpack-x")
    group.limit_cpu(1.0)
    written = content(own / "hotpack-x")
    assert "10000" in (written.get("cpu.cfs_quota_us") or written["cpu.max"]).split()
    group.limit_cpu(0.25)
    written = content(own / "hotpack-x")
    assert "5000" in (written.get("cpu.cfs_quota_us") or written["cpu.max"]).split()


@pytest.mark.parametrize(
    ("version", "name", "text"),
    [
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
        (2, "memory.events", "low 0\nhigh 0\nmax 7\noom 4\noom_kill 3\n"),
    ],
)
def test_kills_of_the_kernel_are_counted(
    tmp_path: Path, version: Version, name: str, text: str
) -> None:
    group = made(version, tmp_path)
    assert group.memory_kills() == 0
    (tmp_path / "memory" / "hotpack-x" / name).write_text(text)
    assert group.memory_kills() == 3


def test_a_machine_that_gives_no_controllers_is_asked_for_nothing(tmp_path: Path) -> None:
    group = ControlGroups().make("hotpack-x")
    group.limit_cpu(1.0)
    group.limit_memory(128, 512)
    group.limit_processes()
    assert group.doors() == ()
    group.remove()


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    group = made(1, tmp_path)
    group.remove()
    assert not (tmp_path / "cpu" / "hotpack-x").exists()
    group.remove()


def test_the_own_group_of_version_1_is_found_in_each_hierarchy(proc: Path, tmp_path: Path) -> None:
    for name in ("cpu,cpuacct", "memory", "pids"):
        (tmp_path / name / "mine").mkdir(parents=True)
    says(
        proc,
        [
            "20 1 0:19 / /proc rw - proc proc rw",
            f"31 1 0:27 / {tmp_path}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
            f"32 1 0:28 / {tmp_path}/memory rw shared:9 - cgroup cgroup rw,memory",
            # In a container, the mount shows what is below the container's own group.
            f"33 1 0:29 /docker/1 {tmp_path}/pids rw - cgroup cgroup rw,pids",
        ],
        ["9:memory:/mine", "4:cpu,cpuacct:/mine", "3:pids:/docker/1/mine", "0::/"],
    )
    found = control_group_probe.find(proc)
    assert found.parents == {
        "cpu": tmp_path / "cpu,cpuacct" / "mine",
        "memory": tmp_path / "memory" / "mine",
        "pids": tmp_path / "pids" / "mine",
    }
    assert (found.version, found.reason) == (1, None)


def test_the_nearest_group_of_version_2_that_gives_its_controllers_is_found(
    proc: Path, tmp_path: Path
) -> None:
    """A group that holds processes cannot give controllers on; one above it does."""
    root = tmp_path / "unified"
    service = root / "user.slice" / "user@1000.service"
    own = service / "app.slice" / "shell.scope"
    own.mkdir(parents=True)
    for folder, given in ((root, ""), (service, "cpu memory pids"), (own.parent, "memory pids")):
        (folder / "cgroup.controllers").write_text("cpu io memory pids\n")
        (folder / "cgroup.subtree_control").write_text(f"{given}\n")
    says(
        proc,
        [f"30 1 0:26 / {root} rw - cgroup2 cgroup2 rw"],
        ["0::/user.slice/user@1000.service/app.slice/shell.scope"],
    )
    found = control_group_probe.find(proc)
    assert found.version == 2
    assert found.parents == dict.fromkeys(CONTROLLERS, service)
    assert found.reason is None


def test_without_control_groups_it_says_what_is_missing(proc: Path) -> None:
    says(proc, ["20 1 0:19 / /proc rw - proc proc rw"], ["0::/"])
    found = control_group_probe.find(proc)
    assert found.parents == {}
    assert found.reason == "no control groups for cpu, memory, pids may be made here"
    assert "root" in str(found.remedy)
    shutil.rmtree(proc)
    assert control_group_probe.find(proc).parents == {}
