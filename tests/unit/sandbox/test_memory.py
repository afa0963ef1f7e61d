from pathlib import Path

from hotpack.sandbox.memory import PeakMemory


def process(proc: Path, pid: int, children: str, peak_kb: int, namespaced: str = "") -> None:
    task = proc / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    (task / "children").write_text(children)
    (proc / str(pid) / "status").write_text(
        f"Name:\tx\nNSpid:\t{pid}{namespaced}\nVmHWM:\t  {peak_kb} kB\nThreads:\t1\n"
    )


def test_the_processes_below_the_first_are_added_up_without_the_holder(tmp_path: Path) -> None:
    process(tmp_path, 10, "11 ", 5000)
    process(tmp_path, 11, "12 ", 9000, "\t1")
    process(tmp_path, 12, "13 14 ", 10_240, "\t2")
    process(tmp_path, 13, "", 1024, "\t3")
    # 14 has ended between the two looks.
    watch = PeakMemory(10, tmp_path)
    assert [watch.look_mb(), watch.look_mb()] == [11, 11]


def test_without_proc_or_processes_it_is_not_known(tmp_path: Path) -> None:
    assert PeakMemory(10, tmp_path).look_mb() is None
    process(tmp_path, 10, "", 5000)
    assert PeakMemory(10, tmp_path).look_mb() is None
