import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hotpack.sandbox import Escort, Function, PlainFolders, Settings
from hotpack.sandbox.bubblewrap import Bubblewrap, failure
from hotpack.sandbox.enclosure import Enclosure, Rooms
from hotpack.sandbox.environment import lambda_environment
from hotpack.sandbox.interpreter import Interpreter
from hotpack.target import RUNTIMES

MakeRooms = Callable[[Path], Rooms]


@pytest.fixture
def rooms(tmp_path: Path) -> MakeRooms:
    client = tmp_path / "client"
    (client / "awslambdaric").mkdir(parents=True)
    own = tmp_path / "own"
    own.mkdir()

    def make(prefix: Path) -> Rooms:
        python = Interpreter(
            executable=prefix / "bin" / "python3.13",
            prefix=prefix,
            version="3.13",
            site_packages=(prefix / "lib" / "python3.13" / "site-packages",),
        )
        return Rooms(tmp_path / "task", tmp_path / "opt", client, python, own, 512)

    return make


def binds(enclosure: Enclosure) -> dict[str, str]:
    """Return what is bound where."""
    words = enclosure.command
    return {
        words[at + 2]: words[at + 1]
        for at, word in enumerate(words)
        if word in ("--ro-bind", "--dev-bind")
    }


def test_everything_is_where_lambda_has_it(rooms: MakeRooms) -> None:
    given = rooms(Path("/home/me/python"))
    enclosure = Bubblewrap(Path("/usr/bin/bwrap")).enclose(given)
    bound = binds(enclosure)
    assert bound["/var/task"] == str(given.task)
    assert bound["/opt"] == str(given.opt)
    assert bound["/var/runtime"] == str(given.runtime_client)
    assert bound["/var/lang"] == "/home/me/python"
    assert "/dev/shm" not in bound
    assert enclosure.python == "/var/lang/bin/python3.13"
    assert enclosure.command[0] == "/usr/bin/bwrap"


def test_tmp_has_the_configured_size(rooms: MakeRooms) -> None:
    words = Bubblewrap(Path("bwrap")).enclose(rooms(Path("/home/me/python"))).command
    at = words.index("/tmp")
    assert words[at - 3 : at] == ("--size", str(512 * 1024 * 1024), "--tmpfs")


def test_the_machines_own_packages_are_covered(rooms: MakeRooms) -> None:
    words = Bubblewrap(Path("bwrap")).enclose(rooms(Path("/home/me/python"))).command
    hidden = "/var/lang/lib/python3.13/site-packages"
    at = words.index(hidden)
    assert words[at - 1] == "--tmpfs"
    assert words[at + 1 : at + 3] == ("--remount-ro", hidden)
    assert ("--symlink", "/var/lang", "/home/me/python") in zip(
        words, words[1:], words[2:], strict=False
    )


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local"])
def test_the_systems_python_is_covered_in_both_places(rooms: MakeRooms, prefix: str) -> None:
    words = Bubblewrap(Path("bwrap")).enclose(rooms(Path(prefix))).command
    for place in ("/var/lang", prefix):
        assert words[words.index(f"{place}/lib/python3.13/site-packages") - 1] == "--tmpfs"
    assert ("--symlink", "/var/lang") not in itertools.pairwise(words)


def test_a_python_below_opt_is_not_hidden_by_the_layers(rooms: MakeRooms) -> None:
    enclosure = Bubblewrap(Path("bwrap")).enclose(rooms(Path("/opt/hostedtoolcache/3.13")))
    bound = binds(enclosure)
    assert bound["/var/lang"] == "/opt/hostedtoolcache/3.13"
    assert "/opt/hostedtoolcache/3.13" not in bound
    assert bound["/opt"] != "/opt"


def environment(enclosure: Enclosure, settings: Settings | None = None) -> dict[str, str]:
    function = Function(
        handler="app.handler",
        runtime=RUNTIMES["python3.13"],
        architecture="x86_64",
        code=Path("code"),
        memory_mb=512,
        environment={"MINE": "1", "TZ": "CET", "DATA": "/var/task/data"},
    )
    return lambda_environment(
        function,
        settings or Settings(region="eu-west-1"),
        enclosure,
        runtime_api="127.0.0.1:9001",
        log_stream="stream",
    )


def test_the_environment_is_lambdas(rooms: MakeRooms) -> None:
    variables = environment(Bubblewrap(Path("bwrap")).enclose(rooms(Path("/home/me/python"))))
    assert variables == {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "DATA": "/var/task/data",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
        "/var/task:/var/task/lib:/opt/lib",
        "MINE": "1",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PYTHONPATH": "/var/runtime",
        "TZ": "CET",
        "_HANDLER": "app.handler",
    }


def test_the_settings_go_over_everything(rooms: MakeRooms) -> None:
    enclosure = Bubblewrap(Path("bwrap")).enclose(rooms(Path("/home/me/python")))
    settings = Settings(environment={"AWS_ACCESS_KEY_ID": "mine", "MINE": "2"})
    variables = environment(enclosure, settings)
    assert (variables["AWS_ACCESS_KEY_ID"], variables["MINE"]) == ("mine", "2")


def test_plain_folders_point_the_function_at_them(rooms: MakeRooms) -> None:
    given = rooms(Path("/home/me/python"))
    enclosure = PlainFolders().enclose(given)
    variables = environment(enclosure)
    assert variables["LAMBDA_TASK_ROOT"] == str(given.task)
    assert variables["DATA"] == str(given.task / "data")
    assert variables["TMPDIR"] == str(given.own / "tmp")
    assert (given.own / "tmp").is_dir()
    assert enclosure.command == ()


def test_the_probe_tries_what_sandboxes_use(tmp_path: Path) -> None:
    """A bubblewrap too old for a sized /tmp is found out by the probe, not by the first sandbox."""
    old = tmp_path / "bwrap"
    old.write_text(
        '#!/bin/sh\nfor o in "$@"; do [ "$o" = --size ] && { echo "Unknown option --size" >&2; '
        "exit 1; }; done\nexit 0\n"
    )
    old.chmod(0o755)
    assert failure(old) == "Unknown option --size"


def test_an_escort_comes_in_with_its_folder(rooms: MakeRooms, tmp_path: Path) -> None:
    """Its words name the folder as whoever is inside has it."""
    escort = Escort(tmp_path, before=("{folder}/strace", "-o", "{folder}/log"), script=("look.py",))
    given = replace(rooms(Path("/home/me/python")), escort=escort)
    inside = Bubblewrap(Path("bwrap")).enclose(given)
    assert ("--bind", str(tmp_path), "/var/escort") in zip(
        inside.command, inside.command[1:], inside.command[2:], strict=False
    )
    assert inside.escort is not None
    assert inside.escort.before == ("/var/escort/strace", "-o", "/var/escort/log")
    plain = PlainFolders().enclose(given).escort
    assert plain is not None
    assert plain.before[0] == f"{tmp_path}/strace"
    assert plain.script == ("look.py",)
