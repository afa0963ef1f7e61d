"""Between the halves: where everything goes. Compresses only what may have to be packed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hotpack.layout import Arrangement, Basis, Layout, Weight, placed_together, plan
from hotpack.pack import CompressedDistribution, Entry, compress, runtime_entries
from hotpack.pipeline.arranging import arrangement_of
from hotpack.pipeline.preparing import Prepared
from hotpack.pipeline.tools import Tools
from hotpack.pipeline.weighing import weigh_packed, weigh_raw
from hotpack.target.limits import UNZIPPED_BYTES


@dataclass(frozen=True, slots=True)
class Planned:
    """A layout, and what was made to find it."""

    layout: Layout
    arrangement: Arrangement
    compressed: dict[str, CompressedDistribution] = field(default_factory=dict)
    runtime: Sequence[Entry] = ()
    """What restoring adds to the function."""


def plan_layout(prepared: Prepared, code: Sequence[Entry], tools: Tools) -> Planned:
    """Return where the distributions go.

    Raises LimitError and ConfigError as `plan` does, and ConfigError for a profile that is none.
    """
    groups = prepared.slimmed.by_distribution()
    arrangement = arrangement_of(prepared, tools)
    if _fits_raw(prepared, code):
        weights = [weigh_raw(name, item) for name, item in arrangement.by_distribution.items()]
        layout = _plan(prepared, code, weights, basis=arrangement.basis)
        if not layout.is_packed:
            return Planned(layout, arrangement)
    compressed = compress_all(prepared, arrangement, tools)
    runtime = runtime_entries(
        prepared.project.config.target, prepared.python, tools.uv, tools.cache, tools.progress
    )
    basis = arrangement.basis
    weights = [weigh_packed(compressed[name], files, basis=basis) for name, files in groups.items()]
    layout = _plan(prepared, code, weights, runtime, basis=basis)
    return Planned(layout, arrangement, compressed, runtime)


def compress_all(
    prepared: Prepared, arrangement: Arrangement, tools: Tools
) -> dict[str, CompressedDistribution]:
    """Return every distribution compressed."""
    return compress(
        arrangement, tools.cache, tools.progress, once=prepared.project.config.slim.duplicates
    )


def beside_code(prepared: Prepared) -> dict[str, str]:
    """Return the distributions that fill a folder of the project's, with its name."""
    own = {file.path.split("/")[0] for file in prepared.code} - {"__pycache__"}
    tops = ((file.distribution, file.path.split("/")[0]) for file in prepared.slimmed.files)
    return {distribution: top for distribution, top in tops if top in own}


def _plan(
    prepared: Prepared,
    code: Sequence[Entry],
    weights: Sequence[Weight],
    runtime: Sequence[Entry] = (),
    *,
    basis: Basis = "imports",
) -> Layout:
    config = prepared.project.config
    return plan(
        weights,
        placed_together(prepared.slimmed, _needs(prepared)),
        config.place,
        beside_code=beside_code(prepared),
        code_bytes=sum(entry.size for entry in code),
        runtime_bytes=sum(entry.size for entry in runtime),
        memory_mb=config.memory_mb,
        ephemeral_storage_mb=config.ephemeral_storage_mb,
        has_bucket=config.bucket is not None,
        may_pack_what_fits=basis == "profile",
        has_starter=bool(config.starter),
        gathers_bytecode="bytecode" in config.starter,
    )


def _fits_raw(prepared: Prepared, code: Sequence[Entry]) -> bool:
    """Return whether nothing has to be packed, so that compressing may be for nothing."""
    raw_bytes = prepared.slimmed.size_bytes + sum(entry.size for entry in code)
    pins = set(prepared.project.config.place.values())
    return raw_bytes <= UNZIPPED_BYTES and pins <= {"inline"}


def _needs(prepared: Prepared) -> list[tuple[str, str]]:
    """Return the pairs of distributions of which one's libraries load the other's."""
    there = {item.name for item in prepared.slimmed.distributions}
    pairs = {(file.distribution, owner) for file, _, owner in prepared.libraries.needs_between()}
    return sorted(pair for pair in pairs if there.issuperset(pair))
