"""What a version needs of the bucket: from its record, or else from its own code."""

import json
from collections.abc import Container, Mapping
from typing import Final

from hotpack.deploy.aws import Aws, Bucket, StoredObject
from hotpack.deploy.aws.code import read_member
from hotpack.deploy.facts import FunctionVersion
from hotpack.deploy.keys import code_key, record_key
from hotpack.deploy.wanted import Record
from hotpack.errors import AwsError
from hotpack.pack.runtime import HANDLER, PACKAGE

_MANIFEST: Final = f"{PACKAGE}/manifest.json"


class Needs:
    """Finds out what versions need of a bucket; what it was told it remembers."""

    def __init__(self, aws: Aws, bucket: Bucket, listed: Container[str] | None = None) -> None:
        """Take what was `listed` of the bucket, if it was, so as not to ask for each record."""
        self._functions = aws.functions
        self._bucket = bucket
        self._listed = listed
        self._records: dict[str, Record | None] = {}

    def record(self, code_sha256: str) -> Record | None:
        """Return the record of a release; None where there is none, or a damaged one."""
        if code_sha256 not in self._records:
            self._records[code_sha256] = self._read(record_key(code_sha256))
        return self._records[code_sha256]

    def _read(self, key: str) -> Record | None:
        is_there = key in self._listed if self._listed is not None else self._bucket.find(key)
        return Record.parse(self._bucket.read(key)) if is_there else None

    def keys(self, version: FunctionVersion) -> Mapping[str, int | None]:
        """Return the keys that a version needs, with the sizes where they are known.

        Raises AwsError where it restores packs, has no record, and its code cannot be read.
        """
        own: dict[str, int | None] = {
            record_key(version.code_sha256): None,
            code_key(version.code_sha256): version.code_bytes,
        }
        if (record := self.record(version.code_sha256)) is not None:
            return {**own, **dict(record.packs)}
        if restores_packs(version):
            return {**own, **self._of_code(version)}
        return own

    def _of_code(self, version: FunctionVersion) -> dict[str, int]:
        what = f"{version.function}:{version.version}"
        try:
            url = self._functions.code_url(version.function, version.version)
            content = read_member(url, version.code_bytes, _MANIFEST)
            packs = json.loads(content)["packs"] if content is not None else []
            return {pack["key"]: pack["size"] for pack in packs if pack["key"] is not None}
        except (AwsError, ValueError, KeyError, TypeError) as error:
            raise AwsError(
                f"{what} restores packs, and nothing says which: it has no record in "
                f"{self._bucket.name}, and its code cannot be read: {error}",
                hint="build the same again and `hotpack deploy --upload-only` writes the record; "
                "or delete that version",
            ) from error


def restores_packs(version: FunctionVersion) -> bool:
    """Return whether hotpack's runtime is in a version, also behind a handler that wraps it."""
    values = version.configuration.environment.values()
    return HANDLER in version.configuration.handler or any(HANDLER in value for value in values)


def missing_packs(keys: Mapping[str, int | None], there: Mapping[str, StoredObject]) -> list[str]:
    """Return the packs among the keys that are not there, or not of their size."""
    return [
        key
        for key, size in sorted(keys.items())
        if key.endswith(".pack") and (key not in there or there[key].size != size)
    ]
