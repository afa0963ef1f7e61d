"""Reads a function's zip where Lambda keeps it: one file of it, or all."""

import http.client
import io
import urllib.request
import zipfile
from typing import Final

from hotpack.errors import AwsError

_AHEAD_BYTES: Final = 256 * 1024
_TIMEOUT_S: Final = 30


def read_member(url: str, size: int, path: str) -> bytes | None:
    """Return a file of the zip of `size` bytes at a URL; None where the zip has none such.

    Raises AwsError where the zip cannot be read.
    """
    try:
        remote = io.BufferedReader(_Remote(url, size), _AHEAD_BYTES)
        with zipfile.ZipFile(remote) as archive:
            return archive.read(path)
    except KeyError:
        return None
    except zipfile.BadZipFile as error:
        raise AwsError(f"the function's zip cannot be read: {error}") from error


def download(url: str) -> bytes:
    """Return the zip at a URL. Raises AwsError where it cannot be read."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise AwsError(f"the function's zip cannot be read: {error}") from error
    return content


class _Remote(io.RawIOBase):
    """A file at a URL, read by ranges."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        request = urllib.request.Request(
            self._url, headers={"Range": f"bytes={self._place}-{end - 1}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            # zipfile would take an OSError for a sign that it is no zip.
            raise AwsError(f"the function's zip cannot be read: {error}") from error
        if answer.status == 200:  # all of it: the server does not do ranges
            content = content[self._place : end]
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
