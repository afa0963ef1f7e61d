"""What the local Lambda enforces on this machine, and what it does not: for `hotpack doctor`."""

from collections.abc import Iterator
from dataclasses import dataclass

from hotpack.sandbox.machine import Machine
from hotpack.target import limits


@dataclass(frozen=True, slots=True)
class Enforcement:
    """One limit of Lambda's."""

    limit: str
    enforced: bool
    by: str
    """What holds it, or why nothing does."""

    how_to_get: str | None = None
    """What to do about it; None where it is enforced, or where nothing can be done."""


def enforcement(machine: Machine) -> tuple[Enforcement, ...]:
    """Return a row for each limit, those that always hold first."""
    return (
        *_always(),
        _memory(machine),
        _cpu(machine),
        _cores(machine),
        _processes(machine),
        _freeze(machine),
        *_isolated(machine),
        Enforcement("Amazon Linux's libraries", False, "the machine's own are used"),
    )


def _always() -> Iterator[Enforcement]:
    size_bytes, layers = f"{limits.UNZIPPED_BYTES:,}", limits.LAYERS
    for limit, by in (
        (f"package of {size_bytes} bytes, {layers} layers", "checked before use"),
        ("reserved and oversized environment variables", "checked before use"),
        (f"payloads of {limits.PAYLOAD_BYTES:,} bytes", "Runtime and Invoke API"),
        (f"init phase of {limits.INIT_TIMEOUT_S:.0f} s", "supervisor"),
        ("function timeout", "supervisor"),
        ("concurrency", "supervisor"),
        (f"{limits.OPEN_FILES:,} open files", "RLIMIT_NOFILE"),
    ):
        yield Enforcement(limit, True, by)


def _memory(machine: Machine) -> Enforcement:
    if not machine.is_linux:
        return _not_here("memory", machine, "measured and reported, not limited")
    by = "anonymous memory watched every 5 to 250 ms, the less is left the more often"
    if "memory" in machine.groups.parents:
        by += f"; {machine.groups.name}, at memory and /tmp together, behind it"
    return Enforcement("memory", True, by)


def _cpu(machine: Machine) -> Enforcement:
    limit = "CPU in proportion to memory"
    if not machine.is_linux:
        return _not_here(limit, machine, "not limited")
    cores = len(machine.cores)
    most = f"at most this machine's {cores} cores, {cores * limits.MB_PER_VCPU:,} MB"
    cap = machine.groups.cpu_cap()
    if cap is not None and cap < cores:
        group_mb = int(cap * limits.MB_PER_VCPU)
        most = f"at most {cap:.2f} vCPU, {group_mb:,} MB: the group that hotpack is in has no more"
    if "cpu" in machine.groups.parents:
        return Enforcement(limit, True, f"{machine.groups.name}; {most}")
    return Enforcement(limit, True, f"watched every 5 ms, held back by SIGSTOP; {most}")


def _cores(machine: Machine) -> Enforcement:
    limit = "as many visible cores as on Lambda"
    if not machine.is_linux:
        return _not_here(limit, machine, "all are seen")
    return Enforcement(limit, True, f"CPU affinity; at most this machine's {len(machine.cores)}")


def _processes(machine: Machine) -> Enforcement:
    limit = f"{limits.PROCESSES:,} processes and threads"
    if "pids" in machine.groups.parents:
        return Enforcement(limit, True, machine.groups.name)
    if machine.counts_processes:
        return Enforcement(limit, True, "RLIMIT_NPROC in the user namespace")
    if not machine.is_linux:
        return _not_here(limit, machine, "not limited")
    by = machine.groups.reason or "not limited"
    return Enforcement(limit, False, by, machine.groups.remedy)


def _freeze(machine: Machine) -> Enforcement:
    by = "SIGSTOP for every process of the sandbox"
    if not machine.is_linux:
        by = "SIGSTOP for the runtime's process group, which a process can leave"
    return Enforcement("freeze between invocations", True, by)


def _isolated(machine: Machine) -> Iterator[Enforcement]:
    isolation = machine.isolation
    by = isolation.name if isolation.isolated else f"{isolation.name}: {isolation.reason}"
    how = None if isolation.isolated else isolation.remedy
    for limit in (
        "/var/task, /opt and all else read-only",
        "/tmp of the configured size",  # noqa: S108
        "no files of this machine visible but its system libraries",
        "processes that a reset leaves no trace of",
    ):
        yield Enforcement(limit, isolation.isolated, by, how)
    if not isolation.isolated and not machine.is_root:
        by, how = "you are not root, and the function is you", None
    yield Enforcement("a user that is not root", isolation.isolated or not machine.is_root, by, how)


def _not_here(limit: str, machine: Machine, what: str) -> Enforcement:
    return Enforcement(limit, False, f"{what}: {machine.system} has no way to", "run it on Linux")
