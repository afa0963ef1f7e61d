"""Plans the layout: sizes, pins and limits in, the placement of every distribution out. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from hotpack.errors import ConfigError, LimitError
from hotpack.layout.choose import Option, choose, smallest
from hotpack.layout.cost import FIRST_BYTE_MS, RUNTIME_MS, START_MS, Model, Weight
from hotpack.progress import mb
from hotpack.project import Placement
from hotpack.project.config import EVERY_DISTRIBUTION
from hotpack.target.limits import EPHEMERAL_STORAGE_MB, MIB, UNZIPPED_BYTES, over_size_message

MANIFEST_RESERVE_BYTES: Final = 2 * MIB
"""Kept free for the manifest, whose size is only known once the packs are written. tensorflow's
19,000 files take 1.6 MB; the finished package is measured again, exactly."""

STARTER_RESERVE_BYTES: Final = MIB
"""Kept free for the runtime where nothing is packed, and for what it reads first."""

_ROOM_LEFT_BYTES: Final = 5_000_000
"""Left free where that costs next to nothing, so that the next version of something fits too."""

_WORTH_THE_ROOM: Final = 0.01
"""The part of the cold start that using that room up must save."""

LEAVES_ROOM: Final = "leaves some room"
"""Why something is packed that alone would fit raw."""

_CLEAR: Final = 0.10, 50.0
"""What packing must save of a cold start that could be raw: this part of it, and milliseconds. A
function that is all raw restores nothing; that is worth something."""

_DOUBT: Final = 0.5
"""How fast the real Lambda reads is not known: it must save as much if that costs half."""

_TMP_MS_PER_MB: Final = (0.0, 1.0, 10.0, 1000.0)
"""What `/tmp` counts, one after the other, until there is enough of it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one distribution goes and why."""

    weight: Weight
    placement: Placement
    cold: Literal["bundled", "remote"] | None
    """Where its cold pack is; None where it is inline."""

    reason: str
    start_ms: float
    """What it adds to a cold start, predicted."""

    raw_ms: float
    """What it would add inline."""

    packed_ms: float
    """What it would add bundled."""

    @property
    def distribution(self) -> str:
        """Its name."""
        return self.weight.distribution

    @property
    def raw_bytes(self) -> int:
        """What it weighs raw."""
        return self.weight.raw_bytes

    @property
    def packed_bytes(self) -> int | None:
        """What it weighs in packs; None where it is inline."""
        return None if self.placement == "inline" else self.weight.packed_bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """The placement of every distribution, sorted by name."""

    placed: tuple[Placed, ...]

    free_bytes: int = UNZIPPED_BYTES
    """What is left of the limit when room for the manifest is kept; written, it is a bit more."""

    def names(self, *placements: Placement) -> tuple[str, ...]:
        """Return the distributions that have one of the placements."""
        return tuple(p.distribution for p in self.placed if p.placement in placements)

    @property
    def is_packed(self) -> bool:
        """Whether anything has to be restored, so that the function needs the runtime."""
        return bool(self.names("bundled", "remote"))

    @property
    def raw_bytes(self) -> int:
        """What all distributions weigh raw."""
        return sum(placed.raw_bytes for placed in self.placed)

    @property
    def start_ms(self) -> float:
        """A cold start's predicted milliseconds, without what the handler does by itself."""
        fixed = START_MS + (RUNTIME_MS if self.is_packed else 0.0)
        return fixed + sum(placed.start_ms for placed in self.placed)


@dataclass(frozen=True, slots=True)
class _Group:
    """Distributions that are placed alike."""

    weights: tuple[Weight, ...]
    pin: Placement | None

    def total(self, size: Callable[[Weight], int]) -> int:
        return sum(map(size, self.weights))

    @property
    def raw_bytes(self) -> int:
        return self.total(lambda weight: weight.raw_bytes)

    @property
    def name(self) -> str:
        return " + ".join(weight.distribution for weight in self.weights)

    def option(
        self, model: Model, placement: Placement, cold: Literal["bundled", "remote"] | None
    ) -> Option:
        """Return what it takes to place the group so."""
        function_bytes = 0
        if placement == "inline":
            function_bytes = self.total(model.inline_bytes)
        elif placement == "bundled":
            function_bytes = self.total(lambda weight: weight.warm.packed_bytes)
        if cold == "bundled":
            function_bytes += self.total(lambda weight: weight.cold.packed_bytes)
        start_ms = sum(model.start_ms(weight, placement) for weight in self.weights)
        # One request to S3: for its warm packs, or as if one cold file of it were touched.
        start_ms += FIRST_BYTE_MS if "remote" in {placement, cold} else 0.0
        tmp_bytes = self.total(lambda weight: weight.restored_bytes)
        return Option(
            placement, cold, function_bytes, 0 if placement == "inline" else tmp_bytes, start_ms
        )

    def options(self, model: Model, *, on_s3: bool) -> list[Option]:
        """Return the ways to place it; S3 only where `on_s3` says so, or a pin."""
        ways: list[tuple[Placement, Literal["bundled", "remote"] | None]] = [
            ("inline", None),
            ("bundled", "bundled"),
        ]
        if on_s3:
            ways += [("bundled", "remote"), ("remote", "remote")]
        if self.pin:
            ways = [way for way in ways if way[0] == self.pin] or [("remote", "remote")]
        return [self.option(model, *way) for way in ways]


@dataclass(frozen=True, slots=True)
class _Planner:
    """What is planned, and within what."""

    groups: Sequence[_Group]
    model: Model
    code_bytes: int
    starter_bytes: int
    runtime_bytes: int
    ephemeral_storage_mb: int

    def inline(self) -> list[Option] | None:
        """Return the options of a function without anything packed, None where it is not to be."""
        if any(group.pin not in {None, "inline"} for group in self.groups):
            return None
        raw_bytes = sum(group.raw_bytes for group in self.groups)
        if self.code_bytes + self.starter_bytes + raw_bytes > UNZIPPED_BYTES:
            return None
        return [group.option(self.model, "inline", None) for group in self.groups]

    def packed(self, *, on_s3: bool) -> list[Option] | None:
        """Return the fastest options that fit with something packed, None where none do.

        Some room is left where that costs nearly nothing.
        """
        options = [group.options(self.model, on_s3=on_s3) for group in self.groups]
        room = UNZIPPED_BYTES - self.code_bytes - self.runtime_bytes
        less = max(room - _ROOM_LEFT_BYTES, smallest(options))
        for tmp_ms_per_mb in _TMP_MS_PER_MB:
            chosen = choose(options, room, tmp_ms_per_mb=tmp_ms_per_mb)
            roomy = choose(options, less, tmp_ms_per_mb=tmp_ms_per_mb)
            if chosen and roomy and _total_ms(roomy) * (1 - _WORTH_THE_ROOM) <= _total_ms(chosen):
                chosen = roomy
            if chosen is None or _tmp_mb(chosen) <= self.ephemeral_storage_mb:
                return chosen
        return choose(options, room)

    def free_bytes(self, options: Sequence[Option]) -> int:
        """Return what is left of the limit; negative where they do not fit.

        The starter gathers as much bytecode as there is room for.
        """
        used = self.code_bytes + sum(option.function_bytes for option in options)
        if any(option.placement != "inline" for option in options):
            used += self.runtime_bytes
        return UNZIPPED_BYTES - used


def plan(
    weights: Sequence[Weight],
    together: Iterable[frozenset[str]],
    pins: Mapping[str, Placement],
    *,
    beside_code: Collection[str] = (),
    code_bytes: int,
    runtime_bytes: int,
    memory_mb: int,
    ephemeral_storage_mb: int,
    has_bucket: bool,
    may_pack_what_fits: bool = False,
    has_starter: bool = False,
    gathers_bytecode: bool = False,
) -> Layout:
    """Return the layout with the shortest cold start that fits, by the model in `cost`.

    Everything is inline where that fits, unless packing is clearly faster; that is only asked if
    `may_pack_what_fits`, as it takes a profile to know. What does not fit is bundled, and raw space
    goes where it saves most. S3 is only used where it does not fit otherwise. Distributions that
    fill a folder of the project's, `beside_code`, stay inline with it. `code_bytes` is the
    project's own code, `runtime_bytes` what restoring adds to the function. The starter takes room
    even where nothing is packed, and gathers bytecode where there is room for that.

    Raises LimitError with the largest distributions and the bytes that are too many, and
    ConfigError for a pin of what is not there or of two neighbours to different places.
    """
    groups = _group(weights, together, pins, beside_code)
    planner = _Planner(
        groups,
        Model.of_memory(memory_mb, gathers_bytecode=gathers_bytecode),
        code_bytes,
        STARTER_RESERVE_BYTES if has_starter else 0,
        runtime_bytes + MANIFEST_RESERVE_BYTES,
        ephemeral_storage_mb,
    )
    inline = planner.inline()
    if inline is not None:
        faster = _clearly_faster(planner) if may_pack_what_fits else None
        return _layout(planner, faster or inline, fits_raw=True)
    sparing = replace(planner, model=replace(planner.model, gathers_bytecode=False))
    options = planner.packed(on_s3=False) or sparing.packed(on_s3=False)
    if options is None and has_bucket:
        options = planner.packed(on_s3=True) or sparing.packed(on_s3=True)
    if options is None:
        raise _over_limit(sparing, has_bucket=has_bucket)
    _check_tmp(options, ephemeral_storage_mb)
    return _layout(planner, options, fits_raw=False)


def _clearly_faster(planner: _Planner) -> list[Option] | None:
    """Return options with something packed that are faster even in doubt, None without such."""
    doubting = replace(planner, model=planner.model.doubting(_DOUBT))
    packed = doubting.packed(on_s3=False)
    raw = doubting.inline()
    if packed is None or raw is None or _tmp_mb(packed) > planner.ephemeral_storage_mb:
        return None
    raw_ms = START_MS + _total_ms(raw)
    saved = raw_ms - START_MS - RUNTIME_MS - _total_ms(packed)
    return packed if saved > _CLEAR[1] and saved > _CLEAR[0] * raw_ms else None


def _group(
    weights: Sequence[Weight],
    together: Iterable[frozenset[str]],
    pins: Mapping[str, Placement],
    beside_code: Collection[str],
) -> list[_Group]:
    by_name = {weight.distribution: weight for weight in weights}
    for name in pins:
        if name != EVERY_DISTRIBUTION and name not in by_name:
            raise ConfigError(
                f"[tool.hotpack.place] pins {name}, which is not among the dependencies",
                hint="`hotpack sizes` lists them",
            )
    groups = []
    for names in together:
        asked = {pins[name] for name in names if name in pins}
        if len(asked) > 1:
            raise ConfigError(
                f"{', '.join(sorted(names))} share a folder and cannot be placed apart",
                hint="pin all of them to the same placement in [tool.hotpack.place]",
            )
        pin = asked.pop() if asked else pins.get(EVERY_DISTRIBUTION)
        if names.intersection(beside_code):
            if pin != "inline" and names.intersection(pins):
                raise ConfigError(
                    f"{', '.join(sorted(names))}: fills a folder of the project's and stays inline",
                    hint="rename the project's folder, or take the pin away",
                )
            pin = "inline"
        groups.append(_Group(tuple(by_name[name] for name in sorted(names)), pin))
    return groups


def _over_limit(planner: _Planner, *, has_bucket: bool) -> LimitError:
    smallest = [
        min(
            group.options(planner.model, on_s3=has_bucket), key=lambda option: option.function_bytes
        )
        for group in planner.groups
    ]
    weights = [(planner.code_bytes, "the project's own files")] + [
        (option.function_bytes, f"{group.name} ({option.placement})")
        for group, option in zip(planner.groups, smallest, strict=True)
    ]
    largest = ", ".join(f"{name} {mb(size)}" for size, name in sorted(weights, reverse=True)[:5])
    is_pinned = any(group.pin for group in planner.groups)
    if planner.code_bytes > UNZIPPED_BYTES or (has_bucket and not is_pinned):
        hint = "the project's own files are too large: see `include` in [tool.hotpack]"
    elif is_pinned:
        hint = (
            "loosen --place or the pins in [tool.hotpack.place]: bundled is compressed, remote is "
            "on S3"
        )
    else:
        hint = "name a `bucket` in [tool.hotpack], so that the largest can be on S3"
    return LimitError(
        f"{over_size_message(UNZIPPED_BYTES + 1, layers=False)}: "
        f"it is {-planner.free_bytes(smallest):,} bytes over. Largest: {largest}",
        hint=hint,
    )


def _check_tmp(options: Iterable[Option], ephemeral_storage_mb: int) -> None:
    needed_mb = _tmp_mb(options)
    if needed_mb > ephemeral_storage_mb:
        most = EPHEMERAL_STORAGE_MB[1]
        raise LimitError(
            f"the packed distributions take {needed_mb} MB in /tmp and "
            f"ephemeral_storage_mb is {ephemeral_storage_mb}",
            hint=f"set ephemeral_storage_mb = {needed_mb} or more in [tool.hotpack]"
            if needed_mb <= most
            else f"Lambda's most is {most} MB: leave a dependency out",
        )


def _tmp_mb(options: Iterable[Option]) -> int:
    return -(-sum(option.tmp_bytes for option in options) // MIB)


def _total_ms(options: Iterable[Option]) -> float:
    return sum(option.start_ms for option in options)


def _layout(planner: _Planner, options: Sequence[Option], *, fits_raw: bool) -> Layout:
    free_bytes = planner.free_bytes(options)
    placed = [
        Placed(
            weight,
            option.placement,
            option.cold,
            _reason(group, option, planner.model, free_bytes, fits_raw=fits_raw),
            planner.model.start_ms(weight, option.placement),
            planner.model.start_ms(weight, "inline"),
            planner.model.start_ms(weight, "bundled"),
        )
        for group, option in zip(planner.groups, options, strict=True)
        for weight in group.weights
    ]
    placed.sort(key=lambda item: item.distribution)
    return Layout(tuple(placed), max(0, free_bytes))


def _reason(group: _Group, option: Option, model: Model, free_bytes: int, *, fits_raw: bool) -> str:
    if group.pin:
        return "pinned"
    raw = group.option(model, "inline", None)
    match option.placement:
        case "inline":
            packed = group.option(model, "bundled", "bundled")
            saved_ms = packed.start_ms - raw.start_ms
            return f"raw saves {saved_ms:.0f} ms" if saved_ms >= 1 and not fits_raw else "fits raw"
        case "bundled" if fits_raw or option.start_ms < raw.start_ms:
            return f"packed saves {raw.start_ms - option.start_ms:.0f} ms"
        case "bundled" if raw.function_bytes - option.function_bytes <= free_bytes:
            return LEAVES_ROOM
        case "bundled":
            return "does not fit raw, fits packed"
        case "remote":
            return "does not fit even packed"
