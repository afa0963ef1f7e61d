"""The long form of what tests/faults tries in short: faults, bad inputs, kills, fuzzing, load.

    make soak                                  all of it, half an hour; writes docs/reliability.md
    python benchmarks/soak.py kills load --seconds 60 --record soak.json

What was done is kept in the record, one entry a part, and the page is made of that alone. Exits
with 1 where anything was not as it shall be.
"""

import argparse
import json
import platform
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import tests.conftest  # noqa: F401 - the decoder, where the standard library has none
from tests.faults.inputs import good_input, try_inputs
from tests.faults.kills import Killed, at_once, kill, time_of_a_start
from tests.faults.load import SANDBOXES, SHARE, put_load
from tests.faults.run import can_mount, try_all
from tests.faults.stage import PLACEMENTS, Built, Stage, build_all, this_machine
from tests.faults.table import FAULTS

from hotpack.cli.options import open_tools

Entry = dict[str, Any]

KILLS: Final = 200
TOGETHER: Final = 8
FLIPS: Final = 25
LONG_S: Final = 300
FLAT_MB: Final = 10
"""What the supervisor may grow by in a long run, between its second quarter and its last."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    options.add_argument("--seconds", type=int, default=600, help="of load, and of fuzzing")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--record", type=Path, help="takes earlier parts over, and keeps these")
    options.add_argument("--markdown", type=Path, help="write the page there")
    chosen = options.parse_args()
    print(f"seed {chosen.seed}")
    record: dict[str, Entry] = {}
    if chosen.record and chosen.record.is_file():
        record = json.loads(chosen.record.read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        built = build_all(folder, open_tools())
        for part in chosen.parts or PARTS:
            entry = PARTS[part](built, folder, chosen.seed, chosen.seconds)
            record[part] = added(record.get(part), entry) if part == "fuzz" else entry
            record[part]["seed"] = chosen.seed
            print(f"{part}: {summary(record[part])}", flush=True)
            if chosen.record:
                chosen.record.write_text(json.dumps(record, indent=2) + "\n")
    if chosen.markdown:
        chosen.markdown.write_text(page(record))
    sys.exit(1 if any(entry["wrong"] for entry in record.values()) else 0)


def added(before: Entry | None, after: Entry) -> Entry:
    """Return what two runs of the fuzzer come to: it goes on where it was."""
    return {key: value + before[key] for key, value in after.items()} if before else after


def summary(entry: Entry) -> str:
    figures = {key: value for key, value in entry.items() if isinstance(value, (int, float))}
    return ", ".join(f"{key} {value}" for key, value in figures.items()) + "".join(
        f"\n  WRONG: {words}" for words in entry["wrong"]
    )


# -- the parts ----------------------------------------------------------------------------------


def faults(built: dict[str, Built], folder: Path, seed: int, seconds: int) -> Entry:
    """Try every fault of the table."""
    chosen = [fault for fault in FAULTS if fault.on_disk_mb is None or can_mount()]
    tried = try_all(chosen, built, folder)
    return {
        "tried": len(tried),
        "left out": len(FAULTS) - len(chosen),
        "kinds": dict(Counter(one.fault.kind for one in tried)),
        "responses": sum(not one.fault.error for one in tried),
        "wrong": [f"{one.fault.name}: {one.wrong}" for one in tried if one.wrong],
        "rows": [
            [one.fault.kind, one.fault.name, "error" if one.fault.error else "response"]
            for one in tried
        ],
    }


def inputs(built: dict[str, Built], folder: Path, seed: int, seconds: int) -> Entry:
    """Read packs and manifests that are harmed everywhere."""
    good = good_input(built["bundled"].function)
    tried, wrong = try_inputs(good, folder / "inputs", seed, FLIPS)
    return {"tried": tried, "wrong": wrong}


def kills(built: dict[str, Built], folder: Path, seed: int, seconds: int) -> Entry:
    """Kill starts at random moments, and start on what they left; then several at once."""
    killed: list[Killed] = []
    together: list[str] = []
    for number, placement in enumerate(PLACEMENTS):
        own = folder / f"kills-{placement}"
        own.mkdir()
        with Stage(built[placement], own, this_machine(), None) as stage:
            whole_s = time_of_a_start(stage)
            first = seed + number * KILLS // 2
            while sum(len(one.at_s) for one in killed) < KILLS // 2 * (number + 1):
                killed.append(kill(stage, first + len(killed), whole_s))
            right = stage.built.all
            together += [answer for answer in at_once(stage, TOGETHER) if answer != right]
    return {
        "kills": sum(len(one.at_s) for one in killed),
        "starts on what was left": len(killed),
        "at once": TOGETHER * len(PLACEMENTS),
        "wrong": [f"seed {one.seed}: {one.wrong}" for one in killed if one.wrong] + together,
    }


def fuzz(built: dict[str, Built], folder: Path, seed: int, seconds: int) -> Entry:
    """Fuzz the readers, in a process of its own."""
    found = Path(".fuzz")
    fuzzer = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, fuzzer, "--seconds", str(seconds), "--found", found],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    wrong = [] if done.returncode == 0 else [done.stderr[-2000:]]
    return {"tried": int(executed[1]) if executed else 0, "seconds": seconds, "wrong": wrong}


def load(built: dict[str, Built], folder: Path, seed: int, seconds: int) -> Entry:
    """Put load on the function, with faults among it."""
    own = folder / "load"
    own.mkdir()
    own.chmod(0o755)
    with Stage(built["remote"], own, this_machine(), None) as stage:
        came = put_load(stage, seconds, seed)
    is_long = seconds >= LONG_S
    grew = ["the supervisor's memory grows"] if is_long and came.growth_mb() > FLAT_MB else []
    return {
        "invocations": came.invocations,
        "cold": came.cold,
        "crashes": came.crashes,
        "bucket faults": came.bucket_faults,
        "seconds": seconds,
        "memory_mb": round(came.memory_mb[-1], 1) if came.memory_mb else 0,
        "growth_mb": round(came.growth_mb(), 1),
        "left": len(came.left),
        "wrong": [*came.wrong, *came.left, *grew],
    }


PARTS: Final[dict[str, Callable[[dict[str, Built], Path, int, int], Entry]]] = {
    "faults": faults,
    "inputs": inputs,
    "kills": kills,
    "fuzz": fuzz,
    "load": load,
}


# -- the page -----------------------------------------------------------------------------------


def page(record: dict[str, Entry]) -> str:
    """Return what the record comes to."""
    wrong = sum(len(entry["wrong"]) for entry in record.values())
    rows = "\n".join(
        f"| {ROWS[part](record[part])} | {len(record[part]['wrong'])} |"
        for part in PARTS
        if part in record
    )
    text = HEAD.format(rows=rows, wrong=wrong or "zero", machine=_machine(record))
    if "faults" in record:
        text += "\n".join(["", "## The faults", "", *_faults(record["faults"]), ""])
    return text


HEAD: Final = """\
# Reliability

Written by `make soak`, and not by hand. What is tried, and what counts as right, stands in
`tests/faults`; `make test` runs a short form of it.

| what was tried | how much | not as it shall be |
|---|---|---|
{rows}

**Wrong results: {wrong}.** A right outcome is the right response, compared with a digest of all
files of the installed tree, or one line that says what happened, what it means and what to do; and
the next invocation, with the fault gone, answers right. {machine}
"""

ROWS: Final[dict[str, Callable[[Entry], str]]] = {
    "faults": lambda e: (
        f"faults of network, data, machine and users' code, each with the real runtime in a sandbox"
        f" | {e['tried']:,} faults{_left_out(e['left out'])}"
    ),
    "inputs": lambda e: (
        f"packs and manifests with a byte flipped, cut short, swapped, or saying what makes no "
        f"sense | {e['tried']:,} bad inputs"
    ),
    "kills": lambda e: (
        f"SIGKILL at a random moment of a start, then a start on what was left; and {TOGETHER} "
        f"starts at once | {e['kills']:,} kills, {e['starts on what was left']:,} starts behind "
        f"them, {e['at once']} at once"
    ),
    "fuzz": lambda e: (
        f"fuzzing of the readers, guided by coverage | {e['tried']:,} inputs in {e['seconds']} s"
    ),
    "load": lambda e: (
        f"{SANDBOXES} invocations at once for {e['seconds']} s, of which {SHARE:.0%} crash or run "
        f"out of memory, as {SHARE:.0%} of the bucket's answers are faulty | "
        f"{e['invocations']:,} invocations, {e['cold']:,} of them cold, {e['crashes']:,} crashes, "
        f"{e['bucket faults']:,} faulty answers; the supervisor grew by {e['growth_mb']} MB from "
        f"the second quarter to the last, to {e['memory_mb']} MB; processes, mounts, control "
        f"groups and folders left behind: {e['left']}"
    ),
}


def _left_out(number: int) -> str:
    return f" ({number} left out: nothing can be mounted here)" if number else ""


def _machine(record: dict[str, Entry]) -> str:
    seeds = ", ".join(f"{p} {entry['seed']}" for p, entry in record.items() if p != "fuzz")
    isolation = this_machine().isolation.name
    return f"Python {platform.python_version()}, Linux, sandboxes in {isolation}. Seeds: {seeds}."


def _faults(entry: Entry) -> list[str]:
    found: list[str] = []
    for kind in dict.fromkeys(row[0] for row in entry["rows"]):
        found += [f"**{kind}**, with what shall come of it:", ""]
        found += [f"- {name}: {due}" for of, name, due in entry["rows"] if of == kind]
        found += [""]
    return found[:-1]


if __name__ == "__main__":
    main()
