"""Many cold starts at once against S3's request rates: what to spread, and how large ranges are.

    make bench-fleet                                       writes docs/fleet.md
    python benchmarks/fleet.py examples/spacy --check      and one start beside the local Lambda

Takes the requests of a real build with everything remote, simulates fleets that read them
(src/hotpack/measure/fleet.py), and holds one simulated start against real ones in the local Lambda,
under several networks.
"""

import argparse
import importlib
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hotpack import local
from hotpack.cli.options import open_project, open_tools
from hotpack.measure.fleet import Fleet, Outcome, Span, simulate, spans_of
from hotpack.pack import Release
from hotpack.pipeline import Tools, build, prepare
from hotpack.sandbox import Network, Settings
from hotpack.target.limits import MIB
from hotpack.target.prices import find_price
from hotpack.target.s3 import GET_USD, GETS_PER_S, STARTS_IN_10_S
from hotpack.trace import choose, keep, trace
from hotpack_runtime.manifest import Frame, Manifest
from hotpack_runtime.prefetch import CONNECTIONS, SPAN_BYTES
from hotpack_runtime.s3 import PATIENCE_S
from hotpack_runtime.s3_reader import TRIES, Reader

if sys.version_info < (3, 14):
    # In a function the decoder is beside the runtime; here it is a package.
    sys.modules.setdefault("hotpack_runtime._zstd", importlib.import_module("backports.zstd"))
STARTS: Final = (1, 100, 1_000, 10_000)
WINDOW_S: Final = 10.0
TOLERANCE: Final = 0.15
"""What a simulated cold start may be off a real one in the local Lambda."""

NETWORKS: Final = {
    "Lambda's": Network(),
    "100 ms to the first byte": Network(first_byte_latency_ms=100.0),
    "40 MB/s without a burst": Network(burst_bytes=0.0, steady_bytes_per_s=40e6),
    "one connection carries 20 MB/s": Network(connection_bytes_per_s=20e6),
}


@dataclass(frozen=True)
class Work:
    """What one environment of a project reads at a cold start."""

    name: str
    frames: Sequence[Frame]
    memory_mb: int

    def spans(self, most: int = SPAN_BYTES) -> list[Span]:
        return spans_of(self.frames, most)


def one_prefix(pack: str, environment: int) -> str:
    """A bucket that S3 has not split: all packs count together."""
    return ""


def by_pack(pack: str, environment: int) -> str:
    """A bucket that S3 has split by what follows `hotpack/packs/`: each pack counts alone."""
    return pack[:2]


def copies(number: int) -> Callable[[str, int], str]:
    """Each pack under so many keys, of which an environment takes one."""
    return lambda pack, environment: f"{pack[:2]} {environment % number}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    default = [Path("examples/spacy"), Path("examples/tensorflow")]
    options.add_argument("projects", type=Path, nargs="*", default=default)
    options.add_argument("--check", action="store_true", help="against the local Lambda, too")
    options.add_argument("--rounds", type=int, default=5, help="real cold starts a network")
    options.add_argument("--markdown", type=Path, help="write the page there, checked")
    chosen = options.parse_args()
    parts = []
    for root in chosen.projects:
        tools = open_tools()
        project, event = open_project(root, "remote"), min(root.glob("events/*.json"))
        recorder = choose("auto")[0]
        profile = trace(
            prepare(project, tools), [(event.name, event.read_bytes())], recorder, tools
        )
        keep(profile, project.root)
        release = build(project, tools).release
        manifest = Manifest.read(str(release.folder / "manifest.json"))
        warm = manifest.groups[: manifest.lukewarm]
        frames = [frame for group in warm for frame in group.frames]
        work = Work(root.name, frames, release.memory_mb)
        text = [f"## {root.name}", describe(work), sizes(work), keys(work), ranges(work)]
        if chosen.check or chosen.markdown:
            text.append(check(work, release, event.read_bytes(), tools, chosen.rounds))
        parts.append("\n\n".join(text))
        print(parts[-1], flush=True)
    if chosen.markdown:
        chosen.markdown.write_text(page("\n\n".join(parts)))


def fleet(work: Work, starts: int, spans: Sequence[Span] | None = None) -> Fleet:
    return Fleet(
        *(starts, WINDOW_S, spans or work.spans(), one_prefix),
        *(TRIES, runtimes_wait_s, PATIENCE_S),
    )


def runtimes_wait_s(tries: int) -> float:
    return Reader._wait_s(tries, None)  # noqa: SLF001


def wait_without_jitter_s(tries: int) -> float:
    return min(2.0, 0.1 * 2.0 ** (tries - 1))


def no_wait_s(tries: int) -> float:
    return 0.0


def describe(work: Work) -> str:
    spans = work.spans()
    size, raw = sum(span.size for span in spans), sum(span.raw_size for span in spans)
    packs = len({span.pack for span in spans})
    return (
        f"A cold start reads {size / 1e6:.0f} MB in {len(spans)} requests from {packs} packs, "
        f"{raw / 1e6:.0f} MB raw."
    )


def sizes(work: Work) -> str:
    """Return what a fleet of each size meets in a bucket that S3 has not split."""
    heads = ["starts in 10 s", "p50", "p90", "p99", "failed", "requests", "503", "S3", "Lambda"]
    lines = table(heads)
    for starts in STARTS:
        outcome = simulate(fleet(work, starts))
        lines.append(
            f"| {starts:,} | {percentiles(outcome)} | {outcome.failed:,} | {outcome.requests:,} "
            f"| {share(outcome)} | ${outcome.requests * GET_USD:.4f} "
            f"| ${lambda_usd(work, outcome):.4f} |"
        )
    return "In a bucket that S3 has not split yet:\n\n" + "\n".join(lines)


def keys(work: Work) -> str:
    """Return what spreading the keys gains where the rate is passed."""
    ways = {
        "one prefix": one_prefix,
        "split by pack": by_pack,
        "split by pack, 4 copies of each": copies(4),
        "split by pack, 16 copies of each": copies(16),
    }
    lines = table(["keys", "starts", "p50", "p90", "p99", "failed", "503"])
    for starts in STARTS[-2:]:
        for name, prefix_of in ways.items():
            outcome = simulate(replace(fleet(work, starts), prefix_of=prefix_of))
            lines.append(row(name, starts, outcome))
        for name, wait_s in {
            "one prefix, tries again without jitter": wait_without_jitter_s,
            "one prefix, tries again at once": no_wait_s,
        }.items():
            outcome = simulate(replace(fleet(work, starts), wait_s=wait_s))
            lines.append(row(name, starts, outcome))
    return "The layout of the keys, and how the runtime tries again:\n\n" + "\n".join(lines)


def ranges(work: Work) -> str:
    """Return what larger ranges gain: fewer requests, and what waiting for a larger one costs."""
    heads = [
        "a request reads",
        "requests",
        "one start: median",
        "1,000: p50",
        "p90",
        "p99",
        "failed",
    ]
    lines = table([*heads, "503"])
    for mib in (1, 2, 4, 8, 16):
        spans = work.spans(mib * MIB)
        alone = [
            simulate(replace(fleet(work, 1, spans), seed=seed)).percentile(0.5)
            for seed in range(101)
        ]
        outcome = simulate(fleet(work, 1_000, spans))
        lines.append(
            f"| {mib} MiB | {len(spans)} | {ms(statistics.median(alone))} "
            f"| {percentiles(outcome)} | {outcome.failed:,} | {share(outcome)} |"
        )
    return "The size of ranges, one prefix:\n\n" + "\n".join(lines)


def table(heads: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]


def row(name: str, starts: int, outcome: Outcome) -> str:
    rest = f"{outcome.failed:,} | {share(outcome)}"
    return f"| {name} | {starts:,} | {percentiles(outcome)} | {rest} |"


def percentiles(outcome: Outcome) -> str:
    return " | ".join(ms(outcome.percentile(part)) for part in (0.5, 0.9, 0.99))


def share(outcome: Outcome) -> str:
    return f"{outcome.refused / outcome.requests:.0%}"


def ms(duration_s: float) -> str:
    return "fails" if math.isinf(duration_s) else f"{duration_s * 1000:,.0f} ms"


def lambda_usd(work: Work, outcome: Outcome) -> float:
    """Return what Lambda bills for restoring: the init phase is billed as an invocation is."""
    price = find_price("us-east-1", "x86_64")
    assert price is not None
    billed_ms = sum(outcome.durations_s) * 1000
    return price.gb_second_usd * work.memory_mb / 1024 * billed_ms / 1000


def check(work: Work, release: Release, event: bytes, tools: Tools, rounds: int) -> str:
    """Return how far the simulation is off the local Lambda, network by network.

    All that is no restoring is the same under each network. It is taken from the real starts with a
    network that costs nothing, and the other networks are foretold.
    """
    unlimited = Network.unlimited()
    networks = {"none": unlimited, **NETWORKS}
    found: dict[str, list[float]] = {name: [] for name in networks}
    asked: dict[str, int] = {}
    for number in range(rounds + 1):
        for name, network in networks.items():
            took_s, asked[name] = cold_start(release, event, network, tools)
            if number:
                found[name].append(took_s)
    rest_s = statistics.median(found["none"]) - alone(work, unlimited)
    lines = table(["network", "requests, simulated", "real", "simulated", "real, median", "off by"])
    worst = 0.0
    for name, network in NETWORKS.items():
        real_s = statistics.median(found[name])
        told_s = rest_s + alone(work, network)
        worst = max(worst, abs(told_s / real_s - 1))
        lines.append(
            f"| {name} | {len(work.spans())} | {asked[name]} | {ms(told_s)} | {ms(real_s)} "
            f"| {told_s / real_s - 1:+.0%} |"
        )
    verdict = "within" if worst <= TOLERANCE else "NOT within"
    return (
        f"One start against the local Lambda, {rounds} rounds in turns; worst {worst:.0%}, "
        f"{verdict} the tolerance of {TOLERANCE:.0%}:\n\n" + "\n".join(lines)
    )


def alone(work: Work, network: Network) -> float:
    latency_s = network.first_byte_latency_ms / 1000
    one = replace(fleet(work, 1), network=network, first_byte_s=(latency_s, latency_s))
    return simulate(one).durations_s[0]


def cold_start(release: Release, event: bytes, network: Network, tools: Tools) -> tuple[float, int]:
    """Return the seconds of a cold start in the local Lambda, and how many ranges it asked for."""
    function = local.function_of(release, "fleet")
    with local.run(
        function, tools, release=release, settings=Settings(), network=network
    ) as running:
        answer = running.function.invoke(event)
        if answer.status != "success" or running.bucket is None:
            raise SystemExit(answer.payload.decode("utf-8", "replace"))
        asked = len(running.bucket.requests)
    return ((answer.init_ms or 0.0) + answer.duration_ms) / 1000, asked


def page(text: str) -> str:
    return f"""\
# Fleets: many cold starts at once

Written by `make bench-fleet` with everything remote. "Restored" is from an environment's first
request until all is restored that a cold start waits for; importing comes on top. Simulated, not
measured on AWS: {CONNECTIONS} connections an environment, the network and the cores of the
[cold-start model](layout.md), a GET's first byte log-normal between measured p50 and p99, the
runtime's own waits between tries ([how](../src/hotpack/measure/fleet.py)).

S3 answers {GETS_PER_S:,} GET requests a second for a prefix, and more with 503 until it has split
the prefix, which takes minutes: no use in a burst. Lambda starts at most {STARTS_IN_10_S:,}
environments of a function in 10 s, so 10,000 are ten functions that share their packs. Costs are in
US dollars, of all requests and of the memory while restoring.

{text}

{CONCLUSIONS}"""


CONCLUSIONS: Final = """\
## What follows

Read off the run of 2026-11-24 on these two examples:

- **Ranges first.** Requests are what runs out, and a large file has one for each frame of 4 MiB: of
  1,000 starts of TensorFlow nine in ten fail at 4 MiB a request, three in a hundred at 16 MiB, none
  at 32 MiB. One start alone is as fast or faster with larger ranges. So the runtime, which read
  4 MiB in that run, asks for 4 MB as they lie on S3 since: 9 to 16 MB once decompressed.
- **Keys.** The two letters of the digest let S3 split packs from each other, which hardly helps:
  most requests are for one large pack. Copies of it under four prefixes carry TensorFlow's 1,000
  starts, once S3 has split them; not done, as larger ranges do the same without four uploads.
- **Jitter** helps a little against waits in step, but not against a rate that is passed for
  seconds; trying again at once is the worst. The runtime's waits stay as they are.
- Up to 1,000 starts of spaCy in 10 s, nothing is refused, whatever the layout of the keys.
- Bundled packs are read from the function itself and never meet this limit.
"""


if __name__ == "__main__":
    main()
