"""Rule `record`: every RECORD says what is there after the other rules. Always on.

Lossless for who reads it: whatever `importlib.metadata.files` names is there, as in a full
install, and has the hash and the size that it names. So files that were dropped leave RECORD, files
that were stripped are in it as they are now, and all else stays, in its order; bytecode is not
listed, as wheels do not list it either. RECORDs that a distribution has vendored (setuptools does)
are of the folder that their `.dist-info` is in.
"""

import base64
import csv
import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from hotpack.cache import Cache
from hotpack.install import File, Tree
from hotpack.slim.rules import RuleReport


def rewrite_records(tree: Tree, cache: Cache) -> tuple[Tree, RuleReport]:
    """Return the tree with RECORDs that are true of it."""
    by_path = {file.path: file for file in tree.files}
    slimmed = tree.replaced(
        _rewrite(file, by_path, cache) if file.path.endswith(".dist-info/RECORD") else file
        for file in tree.files
    )
    return slimmed, RuleReport.between("record", tree, slimmed)


def _rewrite(record: File, by_path: Mapping[str, File], cache: Cache) -> File:
    root = PurePosixPath(record.path).parent.parent
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    with record.source.open(newline="", encoding="utf-8") as before:
        for row in csv.reader(before):
            file = by_path.get(os.path.normpath(f"{root}/{row[0]}")) if row else None
            if file is record:
                rows.writerow([row[0], "", ""])
            elif file is not None:
                rows.writerow([row[0], f"sha256={_base64(file.sha256)}", file.size])
    content = text.getvalue().encode()
    digest = hashlib.sha256(content).hexdigest()
    source = cache.put("records", digest, content)
    return replace(record, size=len(content), sha256=digest, source=source)


def _base64(digest: str) -> str:
    """Return a digest as RECORD has it (PEP 376): URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
