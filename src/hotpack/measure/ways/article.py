"""The way of many articles: a zip on S3, downloaded with boto3 and unpacked to /tmp.

`zip -9` of the installed packages without bytecode, `zipfile.extractall`, `sys.path`; boto3 is the
one that Lambda's runtime has.
"""

from typing import Final

from hotpack.local import LOCAL_BUCKET
from hotpack.measure.folders import folder_of
from hotpack.measure.ways.archives import zip_of
from hotpack.measure.ways.shipping import (
    Shipped,
    Way,
    function_with,
    libraries,
    own_files,
    size_in_tmp,
    starter,
)
from hotpack.pipeline import Prepared, Tools

KEY: Final = "packages.zip"
_START: Final = f"""\
import os
import sys
import zipfile

import boto3

if not os.path.isdir("/tmp/packages"):
    boto3.client("s3").download_file({LOCAL_BUCKET!r}, {KEY!r}, "/tmp/{KEY}")
    with zipfile.ZipFile("/tmp/{KEY}") as archive:
        archive.extractall("/tmp/packages")
    os.remove("/tmp/{KEY}")
sys.path.insert(1, "/tmp/packages")
"""


def ship(prepared: Prepared, tools: Tools) -> Shipped:
    """Return the project with its packages in a zip on S3."""
    files = libraries(prepared)
    archive = zip_of(files, tools)
    handler, start = starter(prepared, _START, tools.cache)
    needed = archive.stat().st_size + size_in_tmp(files)
    code = folder_of([*own_files(prepared), start], tools.cache)
    function = function_with(prepared, "article", handler, code, tmp_bytes=needed)
    return Shipped(function, {KEY: archive})


WAY: Final = Way(
    "article",
    "zip -9 without bytecode on S3; boto3 downloads it, zipfile.extractall unpacks it to /tmp",
    ship,
    is_peer=True,
)
