"""Measures cold starts of a project, each way to ship it against the bare import, in turns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from typing import Final, Self

from hotpack import local
from hotpack.errors import DependencyError, HotpackError, LimitError
from hotpack.measure import page_cache
from hotpack.measure.page_cache import PageCache
from hotpack.measure.waterfall import Waterfall, waterfall
from hotpack.measure.ways import BARE, Shipped, Way
from hotpack.pipeline import Prepared, Tools, prepare
from hotpack.project import Project
from hotpack.sandbox import Invocation, LocalLambda, Settings, logs

_EVERY_START_IS_COLD: Final = Settings(idle_life_s=0.0)
_WORDS: Final = 300
_ERROR: Final = "[ERROR] "


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """The cold starts of one way to ship a project, with the page cache in one state."""

    way: str
    page_cache: PageCache
    durations_ms: tuple[float, ...]
    """Init phase and first invocation, one a round; with the init that was ended at its limit."""

    ratios: tuple[float, ...]
    """To the bare import of the same round."""

    memory_mb: int
    """The most of all rounds."""

    tmp_mb: int
    """How large its /tmp is."""

    restarts: int = 0
    """In how many rounds the init phase passed its limit and began again."""

    @classmethod
    def of(cls, tried: "_Tried", page_cache: PageCache, bare: "_Tried") -> Self:
        """Return what a way's rounds come to beside the bare import's."""
        rounds = tried.starts[page_cache]
        durations = tuple(start.duration_ms for start in rounds)
        beside = bare.starts[page_cache][: len(rounds)]
        pairs = zip(durations, beside, strict=True)
        return cls(
            tried.way.name,
            page_cache,
            durations,
            tuple(one / other.duration_ms for one, other in pairs),
            max(start.memory_mb for start in rounds),
            tried.shipped.function.ephemeral_storage_mb,
            sum(start.restarted for start in rounds),
        )

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
    """By state of the page cache, the bare import's first in each."""

    left_out: Mapping[str, str]
    """Ways that cannot be, with the reason."""

    waterfalls: tuple[Waterfall, ...] = ()
    """Of one cold start of each way, in the last state of the page cache."""

    def of(self, state: PageCache) -> tuple[ColdStarts, ...]:
        """Return the cold starts with the page cache in one state."""
        return tuple(item for item in self.starts if item.page_cache == state)

    @property
    def page_caches(self) -> tuple[PageCache, ...]:
        """The states that were measured."""
        return tuple(dict.fromkeys(item.page_cache for item in self.starts))


@dataclass(frozen=True, slots=True)
class _Start:
    duration_ms: float
    memory_mb: int
    restarted: bool


@dataclass(slots=True)
class _Tried:
    """A way while it is measured."""

    way: Way
    shipped: Shipped
    running: local.Running
    starts: dict[PageCache, list[_Start]] = field(default_factory=dict)


def compare_cold_starts(
    project: Project,
    payload: bytes,
    ways: Sequence[Way],
    rounds: int,
    tools: Tools,
    page_caches: Sequence[PageCache] = ("warm", "cold"),
    peer_rounds: int | None = None,
) -> Comparison:
    """Return the cold starts of the bare import and of each way.

    Every round starts each way once, in an order that moves on from round to round, so that a
    noisy minute of the machine meets all of them. A round before the first does not count: it warms
    the page cache, and ways that fail in it are left out with what they said. Other tools, of which
    some take half a minute, take part in the first `peer_rounds` rounds of each state alone.

    Raises HotpackError where a cold start of the bare import fails.
    """
    left_out: dict[str, str] = {}
    total = 1 + rounds * len(page_caches)
    with (
        _running(prepare(project, tools), ways, tools, left_out) as tried,
        tools.progress.task("cold starts", (total + 1) * len(tried), "starts") as advance,
    ):
        page_cache.settle()
        _round(tried, list(tried), 0, "warm", payload, left_out)
        advance(len(tried))
        for one in tried.values():
            one.starts = {state: [] for state in page_caches}
        for state in page_caches:
            for number in range(rounds):
                is_short = peer_rounds is not None and number >= peer_rounds
                names = [n for n, one in tried.items() if not (is_short and one.way.is_peer)]
                _round(tried, names, number, state, payload, left_out)
                advance(len(tried))
        waterfalls = _waterfalls(tried.values(), payload, page_caches[-1], tools)
    bare = tried[BARE.name]
    starts = (ColdStarts.of(one, state, bare) for state in page_caches for one in tried.values())
    return Comparison(project.name, tuple(starts), left_out, tuple(waterfalls))


def _round(
    tried: dict[str, _Tried],
    names: Sequence[str],
    number: int,
    state: PageCache,
    payload: bytes,
    left_out: dict[str, str],
) -> None:
    """Start each of the ways once; what fails is left out from now on."""
    turn = number % len(names)
    for name in [*names[turn:], *names[:turn]]:
        one = tried[name]
        try:
            _set(one.running.function, state)
            start = _start(one, payload)
        except HotpackError as error:
            if one.way is BARE:
                raise
            left_out[name] = error.message
            del tried[name]
            continue
        one.starts.setdefault(state, []).append(start)


def _set(function: LocalLambda, state: PageCache) -> None:
    if state == "cold":
        page_cache.forget([function.package.task, function.package.opt])


def _start(one: _Tried, payload: bytes) -> _Start:
    """Return one cold start. Raises HotpackError where it fails."""
    if one.running.bucket is not None:
        one.running.bucket.new_environment()
    invocation = one.running.function.invoke(one.shipped.event(payload))
    if invocation.status != "success" or invocation.start != "cold":
        raise HotpackError(
            f"its cold start fails: {_words(invocation)}", hint="try `hotpack invoke`"
        )
    ended_ms = _ended_init_ms(invocation)
    init_ms = invocation.init_ms if invocation.init_ms is not None else ended_ms
    return _Start(
        (init_ms or 0.0) + invocation.duration_ms,
        invocation.max_memory_mb or 0,
        restarted=invocation.init_ms is None,
    )


def _ended_init_ms(invocation: Invocation) -> float | None:
    """Return how long the init phase took that Lambda ended."""
    for event in invocation.log:
        line = logs.parse(event)
        if isinstance(line, logs.InitReport) and line.phase == "init":
            return line.init_duration_ms
    return None


def _words(invocation: Invocation) -> str:
    """Return in a line what a function that failed said first: a second init may fail otherwise."""
    ended_ms = _ended_init_ms(invocation)
    late = ended_ms is not None and ended_ms >= _EVERY_START_IS_COLD.init_timeout_s * 1000
    errors = [event for event in invocation.log if event.startswith(_ERROR)]
    text = errors[0].removeprefix(_ERROR) if errors else invocation.payload.decode(errors="replace")
    words = " ".join(text.partition("Traceback")[0].split())[:_WORDS]
    return f"its init passes 10 s and is begun again; then {words}" if late else words


def _waterfalls(
    tried: Iterable[_Tried], payload: bytes, state: PageCache, tools: Tools
) -> Iterator[Waterfall]:
    for one in tried:
        settings = _settings(one.way)
        found = waterfall(
            one.way.name, one.shipped, payload, settings, tools, lambda f: _set(f, state)
        )
        if found is not None:
            yield found


def _settings(way: Way) -> Settings:
    return replace(_EVERY_START_IS_COLD, enforce_package_size=way.checks_size)


@contextmanager
def _running(
    prepared: Prepared, ways: Sequence[Way], tools: Tools, left_out: dict[str, str]
) -> Iterator[dict[str, _Tried]]:
    """Yield each way in a local Lambda of its own; those that cannot be are noted."""
    tried: dict[str, _Tried] = {}
    with ExitStack() as stack:
        for way in (BARE, *ways):
            try:
                shipped = way.ship(prepared, tools)
                running = stack.enter_context(
                    local.run(
                        shipped.function,
                        tools,
                        release=shipped.release,
                        objects=shipped.objects,
                        settings=_settings(way),
                    )
                )
            except (LimitError, DependencyError) as error:
                if way is BARE:
                    raise
                left_out[way.name] = error.message
                continue
            tried[way.name] = _Tried(way, shipped, running)
        yield tried
