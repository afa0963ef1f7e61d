"""What the local Lambda costs, and whether the CPU share is the one that it says.

    make bench-local                     puts the figures into docs/local-lambda.md
    python benchmarks/local_lambda.py --quick

Durations are those of this machine; what counts beside them is what is taken off: awslambdaric's
own start, or the same request to a server that answers at once.
"""

import argparse
import contextlib
import json
import os
import platform
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from hotpack.cli.options import open_tools
from hotpack.install import install_runtime_client
from hotpack.sandbox import (
    ControlGroups,
    Function,
    InvokeApi,
    LocalLambda,
    Machine,
    Settings,
    probe,
)
from hotpack.sandbox.events import Event, Ready
from hotpack.sandbox.runtime_api import RuntimeApi
from hotpack.sandbox.runtime_states import Delivery
from hotpack.target import RUNTIMES, Target
from hotpack.target.limits import vcpus, visible_cores
from hotpack.target.runtimes import host_architecture, host_runtime

EMPTY = "def handler(event, context): return None"
SPINS = """
import os, time
def handler(event, context):
    wall, pids = time.monotonic(), []
    for _ in range(event["processes"]):
        pid = os.fork()
        if not pid:
            while time.monotonic() < wall + event["seconds"]: pass
            os._exit(0)
        pids.append(pid)
    used = [sum(os.wait4(pid, 0)[2][:2]) for pid in pids]
    return [sum(used), time.monotonic() - wall]
"""
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Setup:
    """What every measurement is made with."""

    machine: Machine
    client: Path
    state: Path
    quick: bool

    @contextlib.contextmanager
    def function(
        self,
        source: str,
        machine: Machine | None = None,
        settings: Settings | None = None,
        **changes: object,
    ) -> Iterator[LocalLambda]:
        """Yield a function whose only module has this source."""
        code = Path(tempfile.mkdtemp(dir=self.state))
        code.chmod(0o755)  # as a package is: else root's sandboxes are held another way
        (code / "app.py").write_text(source)
        given: dict[str, object] = {
            "handler": "app.handler",
            "runtime": RUNTIMES[host_runtime()],
            "architecture": host_architecture(),
            "code": code,
        }
        with LocalLambda(
            Function(**{**given, **changes}),  # type: ignore[arg-type]
            interpreter=Path(sys.executable),
            runtime_client=self.client,
            state_dir=self.state / "state",
            settings=settings,
            machine=machine or self.machine,
        ) as local:
            yield local


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--markdown", type=Path, help="put the figures between the page's marks")
    options.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    chosen = options.parse_args()
    architecture = host_architecture()
    if architecture is None:
        sys.exit(f"Lambda has no {platform.machine()}")
    tools = open_tools()
    target = Target(RUNTIMES[host_runtime()], architecture)
    client = install_runtime_client(target, tools.uv, tools.cache, tools.progress)
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(probe(), client, Path(folder), chosen.quick)
        parts = [part(setup) for part in (warm, starts, many, growth, shares)]
    text = "\n\n".join([_machine(setup), *parts])
    print(text)
    if chosen.markdown:
        before, _, rest = chosen.markdown.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        chosen.markdown.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def _machine(setup: Setup) -> str:
    version = f"Python {platform.python_version()} on {platform.machine()}"
    means = f"{setup.machine.isolation.name}, {setup.machine.groups.name}"
    return f"Taken with {version}, {os.cpu_count()} cores; {means}."


def warm(setup: Setup) -> str:
    """Time warm invocations of an empty handler from the client's side, and what is ours of it."""
    rounds = 200 if setup.quick else 2000
    payload = b"{}"
    with setup.function(EMPTY) as local, InvokeApi({"function": local}) as api:
        whole = _median_ms(_lean_client(api.address, payload), rounds)
        called = _median_ms(lambda: local.invoke(payload), rounds)
    floor = _bare_ms(setup, rounds)
    rows = [
        ("through the Invoke API, client to client", whole, "under 1.5 ms"),
        ("`LocalLambda.invoke`", called, ""),
        ("awslambdaric with a Runtime API that does nothing else", floor, ""),
        ("ours: the first without the last", whole - floor, "under 0.5 ms"),
    ]
    lines = ["| warm invocation of an empty handler | median | goal |", "|---|---|---|"]
    lines += [f"| {name} | {value:.2f} ms | {goal} |" for name, value, goal in rows]
    return "\n".join(lines)


def _lean_client(address: str, payload: bytes) -> Callable[[], None]:
    """Return a client that does no more than it must: one connection, one send, one read."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    path = "/2015-03-31/functions/function/invocations"
    head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(payload)}\r\n\r\n"
    request = head.encode() + payload

    def call() -> None:
        connection.sendall(request)
        answer = connection.recv(65536)
        if not answer.startswith(b"HTTP/1.1 200"):
            sys.exit(answer.decode())

    return call


def _bare_ms(setup: Setup, rounds: int) -> float:
    """Time awslambdaric alone: next, handler, response, next."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with RuntimeApi(events.put) as api, _started(setup, api.address):
        if not isinstance(events.get(timeout=30), Ready):
            sys.exit("the runtime client does not start")
        number = 0

        def call() -> None:
            nonlocal number
            number += 1
            api.deliver(Delivery(f"id-{number}", b"{}", 10**14, "arn:aws:x", "Root=1-2"))
            events.get(timeout=30)
            events.get(timeout=30)

        return _median_ms(call, rounds)


@contextlib.contextmanager
def _started(setup: Setup, address: str) -> Iterator[None]:
    """Run awslambdaric as one would by hand."""
    code = Path(tempfile.mkdtemp(dir=setup.state))
    (code / "app.py").write_text(EMPTY)
    environment = {
        "AWS_LAMBDA_RUNTIME_API": address,
        "LAMBDA_TASK_ROOT": str(code),
        "PYTHONPATH": f"{setup.client}:{code}",
    }
    command = [_python(), "-S", "-m", "awslambdaric", "app.handler"]
    process = subprocess.Popen(command, cwd=code, env=environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _python() -> str:
    return str(getattr(sys, "_base_executable", sys.executable))


def starts(setup: Setup) -> str:
    """Time from nothing to the first /next, with and without the sandbox."""
    rounds = 5 if setup.quick else 30
    alone, inside = [], []
    every_start_is_cold = Settings(idle_life_s=0.0)
    with setup.function(EMPTY, settings=every_start_is_cold) as local:
        for _ in range(rounds):
            time.sleep(0.1)  # what was closed is gone
            events: queue.SimpleQueue[Event] = queue.SimpleQueue()
            with RuntimeApi(events.put) as api:
                began = time.perf_counter()
                with _started(setup, api.address):
                    events.get(timeout=30)
                    alone.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            invocation = local.invoke(b"{}")
            inside.append((time.perf_counter() - began) * 1000 - invocation.duration_ms)
    beyond = [a - b for a, b in zip(inside, alone, strict=True)]
    return "\n".join(
        [
            "| from nothing to the first `/next` | median | goal |",
            "|---|---|---|",
            f"| awslambdaric alone | {statistics.median(alone):.1f} ms | |",
            f"| in a sandbox | {statistics.median(inside):.1f} ms | |",
            f"| beyond | {statistics.median(beyond):.1f} ms | under 15 ms |",
        ]
    )


def many(setup: Setup) -> str:
    """Invoke 200 times at once over at most 50 sandboxes, and look for what is lost."""
    total, at_once = (40, 10) if setup.quick else (200, 50)
    source = "import time\ndef handler(event, context): time.sleep(0.05); return event"
    with setup.function(source, memory_mb=512, timeout_s=120) as local:
        began = time.perf_counter()
        with ThreadPoolExecutor(at_once) as threads:
            got = list(threads.map(lambda n: local.invoke(str(n).encode()), range(total)))
        took_s = time.perf_counter() - began
        right = sum(json.loads(each.payload) == n for n, each in enumerate(got))
        opened = sum(each.start == "cold" for each in got)
    return (
        f"{total} invocations, {at_once} at once, over {opened} sandboxes: {right} answered right, "
        f"{total - right} lost, in {took_s:.1f} s, cold starts of all sandboxes included."
    )


def growth(setup: Setup) -> str:
    """Invoke 10,000 times one after the other, and look at what the supervisor holds."""
    rounds = 500 if setup.quick else 10_000
    with setup.function(EMPTY) as local, InvokeApi({"function": local}) as api:
        call = _lean_client(api.address, b"{}")
        for _ in range(rounds // 10):  # what is made once, and kept
            call()
        before = _held()
        for _ in range(rounds):
            call()
        after = _held()
    memory_kb, descriptors, threads = (b - a for a, b in zip(before, after, strict=True))
    return (
        f"{rounds:,} warm invocations one after the other: the supervisor's memory grew by "
        f"{memory_kb:,} kB of {before[0]:,}, its descriptors by {descriptors} of {before[1]}, its "
        f"threads by {threads} of {before[2]}."
    )


def _held() -> tuple[int, int, int]:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resident_kb = int(fields["VmRSS"].split()[0])
    return resident_kb, len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def shares(setup: Setup) -> str:
    """See what share of the CPU spinning functions get, in each way to hold them.

    What others take cannot be had by anybody, so slices count in which they left the share free.
    """
    ways = {"control groups": setup.machine}
    if setup.machine.groups.parents:
        ways["watched"] = replace(setup.machine, groups=ControlGroups())
    heads = " | ".join(f"{way}, got | slices" for way in ways)
    lines = [f"| memory | share of a vCPU | {heads} |", "|---|---|" + "---|---|" * len(ways)]
    for memory_mb in (128, 512, 1769, 3008):
        share = vcpus(memory_mb)
        told = [_share(setup, machine, memory_mb) for machine in ways.values()]
        lines.append(f"| {memory_mb:,} MB | {share:.3f} | " + " | ".join(told) + " |")
    return "\n".join(lines)


def _share(setup: Setup, machine: Machine, memory_mb: int) -> str:
    """Spin on all visible cores in slices; return the median share and how many slices count."""
    share, cores = vcpus(memory_mb), visible_cores(memory_mb)
    slices, seconds = (3, 0.5) if setup.quick else (10, 1.5)
    event = json.dumps({"processes": cores, "seconds": seconds}).encode()
    counted = []
    with setup.function(SPINS, machine, memory_mb=memory_mb, timeout_s=300) as local:
        local.invoke(b'{"processes": 1, "seconds": 0.01}')
        for _ in range(slices):
            before_s, began = _busy_s(), time.monotonic()
            used_s, wall_s = json.loads(local.invoke(event).payload)
            busy_s, all_s = _busy_s() - before_s, time.monotonic() - began
            free = len(machine.cores) - (busy_s - used_s) / all_s
            if free >= share:
                counted.append(used_s / wall_s)
    if not counted:
        return f"others left too little | 0 of {slices}"
    got = statistics.median(counted)
    return f"{got:.3f} ({got / share - 1:+.1%}) | {len(counted)} of {slices}"


def _busy_s() -> float:
    """Return the CPU time that all processes had of all cores, and that the host took away."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


def _median_ms(call: Callable[[], object], rounds: int) -> float:
    for _ in range(20):
        call()
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    main()
