from pathlib import Path

from hotpack.sandbox.memory import PeakMemory


def process(
    proc: Path, pid: int, children: str, peak_kb: int, namespaced: str = "", shared_kb: int = 0
) -> None:
    """Make up a process: all of its peak is memory of its own but `shared_kb` and 2 MB of files."""
    task = proc / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    (task / "children").write_text(children)
    (proc / str(pid) / "status").write_text(
        f"Name:\tx\nNSpid:\t{pid}{namespaced}\nVmHWM:\t  {peak_kb + 2048} kB\n"
        f"RssAnon:\t {peak_kb} kB\nRssFile:\t 2048 kB\nRssShmem:\t 0 kB\n"
    )
    (proc / str(pid) / "smaps_rollup").write_text(
        f"5-7 ---p 0 00:00 0 [rollup]\nPss_Anon: {peak_kb - shared_kb} kB\nPss_Shmem: 0 kB\n"
    )


def test_the_processes_below_the_first_are_added_up_without_the_holder(tmp_path: Path) -> None:
    process(tmp_path, 10, "11 ", 5000)
    process(tmp_path, 11, "12 ", 9000, "\t1")
    process(tmp_path, 12, "13 14 ", 10_240, "\t2")
    process(tmp_path, 13, "", 1024, "\t3")
    # 14 has ended between the two looks.
    watch = PeakMemory(10, tmp_path)
    assert [watch.look_mb(), watch.look_mb()] == [11, 11]


def test_what_processes_share_counts_once(tmp_path: Path) -> None:
    process(tmp_path, 10, "11 ", 5000)
    process(tmp_path, 11, "12 ", 10_240, shared_kb=4096)
    process(tmp_path, 12, "", 10_240, shared_kb=4096)
    assert PeakMemory(10, tmp_path).look_mb() == 12


def test_libraries_in_tmp_are_files(tmp_path: Path) -> None:
    process(tmp_path, 10, "11 ", 5000)
    process(tmp_path, 11, "", 10_240)
    status = tmp_path / "11" / "status"
    status.write_text(status.read_text().replace("RssShmem:\t 0 kB", "RssShmem:\t 4096 kB"))
    (tmp_path / "11" / "maps").write_text("7f00-7f01 r-xp 0 00:2f 77 /tmp/hotpack/0/a.so\n")
    assert PeakMemory(10, tmp_path).look_mb() == 6
    (tmp_path / "11" / "maps").write_text("7f00-7f01 rw-s 0 00:01 78 /dev/zero (deleted)\n")
    assert PeakMemory(10, tmp_path).look_mb() == 10


def test_without_proc_or_processes_it_is_not_known(tmp_path: Path) -> None:
    assert PeakMemory(10, tmp_path).look_mb() is None
    process(tmp_path, 10, "", 5000)
    assert PeakMemory(10, tmp_path).look_mb() is None
