"""lambda-snaploader, from PyPI: the zip in memory, libraries in `memfd`, bytecode ignored."""

from typing import Final

from hotpack.install import install_environment
from hotpack.local import LOCAL_BUCKET
from hotpack.measure.folders import folder_of
from hotpack.measure.ways.archives import zip_of
from hotpack.measure.ways.article import KEY
from hotpack.measure.ways.shipping import (
    Shipped,
    Way,
    function_with,
    libraries,
    own_files,
    starter,
)
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools

_PACKAGE: Final = "lambda-snaploader==0.1.0"
_START: Final = f"""\
from lambda_snaploader import load_libraries_from_s3

load_libraries_from_s3(bucket={LOCAL_BUCKET!r}, key={KEY!r}, target_dir="/tmp/lib_so")
"""
"""As its README has it under "Simplified Usage"."""


def ship(prepared: Prepared, tools: Tools) -> Shipped:
    """Return the project with lambda-snaploader in it and its packages in a zip on S3.

    boto3 is not put beside it: Lambda's runtime has it.
    """
    target = prepared.project.config.target
    environment = install_environment(
        [_PACKAGE], target, tools.uv, tools.cache, tools.progress, dependencies=False
    )
    package = environment.site_packages / "lambda_snaploader"
    loader = [
        Entry.of_path(f"lambda_snaploader/{path.relative_to(package)}", path)
        for path in sorted(package.rglob("*"))
        if path.suffix in {".py", ".so"}
    ]
    handler, start = starter(prepared, _START, tools.cache)
    code = folder_of([*own_files(prepared), *loader, start], tools.cache)
    function = function_with(prepared, "snaploader", handler, code)
    return Shipped(function, {KEY: zip_of(libraries(prepared), tools)})


WAY: Final = Way(
    "snaploader",
    f"{_PACKAGE}: a zip on S3, read into memory, libraries in memfd",
    ship,
    is_peer=True,
)
