"""The command line as a whole."""

import importlib
import subprocess
import sys

import click
import pytest

from hotpack.cli import COMMANDS
from hotpack.cli.console import Talk, agree
from hotpack.errors import HotpackError

NO_JSON = {"completion"}


def command(name: str) -> click.Command:
    found: click.Command = getattr(importlib.import_module(f"hotpack.cli.{name}"), name)
    return found


def hotpack(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "hotpack", *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """`--help` of the whole and of the command agree, show an example, and offer `--json`."""
    text = command(name).help or ""
    assert text.splitlines()[0] == COMMANDS[name]
    assert f"hotpack {name}" in (command(name).epilog or "") or name == "init"
    assert "Example" in (command(name).epilog or "")
    options = {option for parameter in command(name).params for option in parameter.opts}
    assert ("--json" in options) == (name not in NO_JSON)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("absurd", ["nan", "inf", "-inf", "1e999", "-1"])
def test_no_command_takes_absurd_numbers(name: str, absurd: str) -> None:
    """`nan` is in every range, and `-1` in every one without a bottom."""
    numbers = (click.types.IntParamType, click.types.FloatParamType)
    context = click.Context(command(name))
    for parameter in command(name).params:
        if isinstance(parameter.type, numbers):
            with pytest.raises(click.BadParameter):
                parameter.type_cast_value(context, absurd)


def test_help_imports_no_command() -> None:
    """`hotpack --help` answers at once, as it imports nothing but click."""
    program = (
        "import sys\nfrom hotpack.cli import cli\ncli(['--help'], standalone_mode=False)\n"
        "heavy = {'rich', 'uv', 'tomllib', 'hotpack.pipeline'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_help_is_laid_out() -> None:
    """The examples of `--help` keep their lines."""
    lines = hotpack("--help").stdout.splitlines()
    assert "    hotpack build     build the function and say what it weighs" in lines


def test_unknown_command() -> None:
    """A mistyped command is a wrong call, with the nearest name."""
    done = hotpack("bild")
    assert done.returncode == 2
    assert "Did you mean 'build'?" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """Each shell has its completion script."""
    done = hotpack("completion", shell)
    assert done.returncode == 0
    assert "_HOTPACK_COMPLETE" in done.stdout


def test_what_stands_in_brackets_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Names of tables and extras are no markup."""
    talk = Talk()
    talk.warn("no [tool.hotpack] is there", hint="write [tool.hotpack]")
    talk.log("[tool.hotpack] was read")
    with talk.task("install uvicorn[standard]", None, "files"):
        pass
    shown = capfd.readouterr().err
    assert shown.count("[tool.hotpack]") == 3
    assert "install uvicorn[standard]" in shown


def test_nobody_to_ask() -> None:
    """Without a terminal, and without --yes, that is an error like any other."""
    with pytest.raises(HotpackError, match="nobody is there to be asked") as caught:
        agree("Do this?", yes=False)
    assert caught.value.hint == "--yes agrees beforehand"


def test_a_warning_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    """A command that builds or plans several times does not repeat what it warns of."""
    talk = Talk()
    for message in ("one", "one", "another"):
        talk.warn(message, hint="mend it")
    shown = capfd.readouterr().err
    assert (shown.count("warning: one"), shown.count("warning: another")) == (1, 1)
    assert shown.count("mend it") == 2
