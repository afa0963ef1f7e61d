"""Measures cold starts of a project, each way to ship it against the bare import, in turns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Final, Self

from hotpack import local
from hotpack.errors import HotpackError, LimitError
from hotpack.measure.bare import bare_function
from hotpack.pipeline import Tools, build, prepare
from hotpack.project import Placement, Project
from hotpack.project.config import EVERY_DISTRIBUTION
from hotpack.sandbox import LocalLambda, Settings

BARE: Final = "bare import"
"""The same handler over the full install on local disk: what all is divided by."""

PLANNED: Final = "as planned"
"""What `hotpack build` makes of the project."""

_EVERY_START_IS_COLD: Final = Settings(idle_life_s=0.0, enforce_package_size=False)


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """The cold starts of one way to ship a project."""

    way: str
    durations_ms: tuple[float, ...]
    """Init phase and first invocation, one a round."""

    ratios: tuple[float, ...]
    """To the bare import of the same round."""

    memory_mb: int
    """The most of all rounds."""

    @classmethod
    def of(cls, way: str, rounds: Sequence[float], bare: Sequence[float], memory_mb: int) -> Self:
        """Return what a way's rounds come to beside the bare import's."""
        ratios = tuple(one / other for one, other in zip(rounds, bare, strict=True))
        return cls(way, tuple(rounds), ratios, memory_mb)

    @property
    def median_ms(self) -> float:
        """What half of the cold starts stay under."""
        return median(self.durations_ms)

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Where the middle half of the ratios lies."""
        if len(self.ratios) < 2:
            return self.ratio, self.ratio
        low, _, high = quantiles(self.ratios, n=4)
        return low, high


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured of a project."""

    project: str
    starts: tuple[ColdStarts, ...]
    """The bare import's first."""

    left_out: Mapping[str, str]
    """Ways that cannot be, with the reason."""


def compare_cold_starts(
    project: Project, payload: bytes, placements: Sequence[Placement], rounds: int, tools: Tools
) -> Comparison:
    """Return the cold starts of the bare import, of the project as planned, and all so placed.

    Every round starts each way once, in an order that moves on from round to round, so that a
    noisy minute of the machine meets all of them. A round before the first, which does not count,
    warms the page cache.

    Raises HotpackError where a cold start fails.
    """
    with _running(project, placements, tools) as (ways, left_out):
        durations: dict[str, list[float]] = {name: [] for name in ways}
        memory = dict.fromkeys(ways, 0)
        with tools.progress.task("cold starts", (rounds + 1) * len(ways), "files") as advance:
            for number in range(rounds + 1):
                for name in _turn(list(ways), number):
                    duration_ms, memory_mb = _start(name, ways[name], payload)
                    if number:
                        durations[name].append(duration_ms)
                        memory[name] = max(memory[name], memory_mb)
                    advance(1)
    starts = (ColdStarts.of(n, durations[n], durations[BARE], memory[n]) for n in durations)
    return Comparison(project.name, tuple(starts), left_out)


def _turn(names: Sequence[str], number: int) -> Sequence[str]:
    turn = number % len(names)
    return [*names[turn:], *names[:turn]]


def _start(name: str, function: LocalLambda, payload: bytes) -> tuple[float, int]:
    """Return the duration of a cold start in milliseconds, and its peak memory in MB."""
    invocation = function.invoke(payload)
    if invocation.status != "success" or invocation.start != "cold":
        answer = invocation.payload.decode("utf-8", "replace")
        raise HotpackError(f"a cold start of {name} failed: {answer}", hint="try `hotpack invoke`")
    return (invocation.init_ms or 0.0) + invocation.duration_ms, invocation.max_memory_mb or 0


@contextmanager
def _running(
    project: Project, placements: Sequence[Placement], tools: Tools
) -> Iterator[tuple[dict[str, LocalLambda], dict[str, str]]]:
    """Yield the local Lambda of each way to ship the project, and the ways that cannot be."""
    left_out: dict[str, str] = {}
    with ExitStack() as stack:
        bare = bare_function(prepare(project, tools), tools)
        running = stack.enter_context(local.run(bare, tools, settings=_EVERY_START_IS_COLD))
        ways = {BARE: running.function}
        for name, placed in _projects(project, placements).items():
            try:
                release = build(placed, tools).release
            except LimitError as error:
                left_out[name] = error.message
                continue
            running = stack.enter_context(
                local.run(
                    local.function_of(release, name),
                    tools,
                    release=release,
                    settings=_EVERY_START_IS_COLD,
                )
            )
            ways[name] = running.function
        yield ways, left_out


def _projects(project: Project, placements: Sequence[Placement]) -> dict[str, Project]:
    """Return the project as it is, and with everything pinned to each placement."""
    config = project.config
    return {PLANNED: project} | {
        placement: replace(
            project,
            config=replace(config, place={**config.place, EVERY_DISTRIBUTION: placement}),
        )
        for placement in placements
    }
