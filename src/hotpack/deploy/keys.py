"""Where things are in the bucket: keys that the content decides, so nothing is overwritten."""

from typing import Final

RECORDS: Final = "hotpack/releases/"
CODE: Final = "hotpack/code/"
PACKS: Final = "hotpack/packs/"
"""How keys begin: of records, of functions' zips, of packs (docs/pack-format.md)."""


def record_key(code_sha256: str) -> str:
    """Return where the record of a release is."""
    return f"{RECORDS}{code_sha256}.json"


def code_key(code_sha256: str) -> str:
    """Return where a function's zip is."""
    return f"{CODE}{code_sha256[:2]}/{code_sha256}.zip"
