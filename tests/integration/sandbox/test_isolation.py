"""What only an isolation can hold."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hotpack.errors import SandboxError
from hotpack.sandbox import (
    Escort,
    Function,
    Invocation,
    LocalLambda,
    Machine,
    PlainFolders,
    Settings,
)
from hotpack.sandbox.bubblewrap import Bubblewrap
from hotpack.sandbox.enclosure import Enclosure, Rooms

Answer = Callable[[Invocation], Any]


def test_only_tmp_can_be_written(start_isolated: Any, answer: Answer) -> None:
    local = start_isolated(
        """
import os
def handler(event, context):
    refused = {}
    for folder in ("/tmp", "/var/task", "/opt", "/var/runtime", "/var/lang", "/", "/dev", "/usr"):
        try:
            with open(os.path.join(folder, "probe"), "w"): refused[folder] = None
        except OSError as error:
            refused[folder] = error.strerror
    return refused
"""
    )
    told = answer(local.invoke(b"{}"))
    assert told.pop("/tmp") is None
    assert set(told.values()) == {"Read-only file system"}


def test_tmp_has_its_size_and_no_more(start_isolated: Any, answer: Answer) -> None:
    local = start_isolated(
        """
def handler(event, context):
    written = 0
    block = bytes(1024 * 1024)
    try:
        with open("/tmp/big", "wb", buffering=0) as file:
            while True: written += file.write(block)
    except OSError as error:
        return [written, error.strerror]
"""
    )
    assert answer(local.invoke(b"{}")) == [512 * 1024 * 1024, "No space left on device"]


def test_the_function_sees_lambdas_user_and_nothing_of_this_machine(
    start_isolated: Any, answer: Answer, tmp_path: Path
) -> None:
    local = start_isolated(
        """
import getpass, os, sys
def handler(event, context):
    home = os.path.expanduser("~")
    return {
        "user": [os.getuid(), os.getgid(), getpass.getuser()], "home": home,
        "home exists": os.path.exists(home), "task": sorted(os.listdir("/var/task")),
        "folder": os.getcwd(), "machine": os.path.exists(event), "shm": os.path.exists("/dev/shm"),
        "executable": sys.executable, "processes": [p for p in os.listdir("/proc") if p.isdigit()],
    }
"""
    )
    told = answer(local.invoke(f'"{tmp_path}"'.encode()))
    assert told["user"] == [993, 990, "sbx_user1051"]
    assert told["home"] == "/home/sbx_user1051"
    assert not told["home exists"]
    assert told["task"] == ["app.py"]
    assert told["folder"] == "/var/task"
    assert not told["machine"]
    assert not told["shm"]
    assert told["executable"].startswith("/var/lang/bin/python3")
    assert len(told["processes"]) == 2


def test_files_of_roots_alone_are_not_the_functions(
    start_isolated: Any, answer: Answer, isolated: Machine, tmp_path: Path
) -> None:
    if not isolated.is_root:
        pytest.skip("an ordinary user's files are the function's to read: both are one user")
    (tmp_path / "code").mkdir()
    secret = tmp_path / "code" / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    local = start_isolated(
        """
import os
def handler(event, context):
    with open("/dev/stdout", "w") as out: out.write("said\\n")
    with open("/tmp/own", "w") as file: file.write("1")
    try: return open("/var/task/secret").read()
    except OSError as error: return [error.strerror, os.getgroups()]
"""
    )
    invocation = local.invoke(b"{}")
    assert answer(invocation) == ["Permission denied", []]
    assert "said" in invocation.log


def test_semaphores_fail_as_on_lambda(start_isolated: Any, answer: Answer) -> None:
    local = start_isolated(
        """
import multiprocessing
def handler(event, context):
    try: multiprocessing.Lock()
    except OSError: return "no semaphores"
"""
    )
    assert answer(local.invoke(b"{}")) == "no semaphores"


def test_nothing_is_written_into_the_functions_folder(start: Any, tmp_path: Path) -> None:
    start("def handler(event, context): return 1").invoke(b"{}")
    assert list((tmp_path / "code").iterdir()) == [tmp_path / "code" / "app.py"]


class Broken:
    """An isolation whose program is there but does not do its work."""

    name, isolated, reason, remedy = "broken", True, None, None

    def __init__(self, executable: Path) -> None:
        self.executable = executable

    def enclose(self, rooms: Rooms) -> Enclosure:
        return Bubblewrap(self.executable).enclose(rooms)


def test_a_sandbox_that_cannot_be_opened_says_why_and_leaves_nothing(
    function: Callable[..., Function], runtime_client: Path, state_dir: Path, tmp_path: Path
) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho no permission >&2; exit 1\n")
    program.chmod(0o755)
    with LocalLambda(
        function("def handler(event, context): return 1"),
        interpreter=Path(sys.executable),
        runtime_client=runtime_client,
        state_dir=state_dir,
        machine=Machine(Broken(program)),
    ) as local:
        with pytest.raises(SandboxError, match="no permission"):
            local.invoke(b"{}")
        assert [path for path in (state_dir / "sandboxes").glob("*/*") if path.is_dir()] == []


def test_plain_folders_say_that_they_are_no_isolation() -> None:
    assert not PlainFolders("because").isolated
    assert PlainFolders("because").reason == "because"


KEYS = """
import os

def handler(event, context):
    return [name for name in ("/etc/ssl/private", "/etc/pki/tls/private") if os.path.exists(name)]
"""


def test_keys_of_this_machine_are_not_there(start_isolated: Any, answer: Answer) -> None:
    local = start_isolated(KEYS)
    assert answer(local.invoke(b"{}")) == []


TLS = """
import ssl

def handler(event, context):
    return len(ssl.create_default_context().get_ca_certs()) > 0 or bool(
        ssl.get_default_verify_paths().capath
    )
"""


def test_certificates_are_there(start_isolated: Any, answer: Answer) -> None:
    assert answer(start_isolated(TLS).invoke(b"{}")) is True


def test_an_escort_starts_the_runtime(
    start_with: Callable[..., LocalLambda], machine: Machine, answer: Answer, tmp_path: Path
) -> None:
    """Its command runs Python, its script runs the runtime, and its folder can be written to."""
    folder = tmp_path / "escort"
    folder.mkdir()
    (folder / "before").write_text('#!/bin/sh\necho before > "$1/said"\nshift\nexec "$@"\n')
    (folder / "before").chmod(0o755)
    (folder / "script.py").write_text(
        "import runpy, sys\n"
        "print('script', file=open(sys.argv.pop(1) + '/said', 'a'))\n"
        "sys.path[0] = sys.argv[1].rpartition('/')[0]\n"
        "del sys.argv[0]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    escort = Escort(folder, ("{folder}/before", "{folder}"), ("{folder}/script.py", "{folder}"))
    local = start_with(
        machine, "def handler(event, context): return 1", settings=Settings(escort=escort)
    )
    assert answer(local.invoke(b"{}")) == 1
    assert (folder / "said").read_text() == "before\nscript\n"
