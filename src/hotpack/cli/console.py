"""How hotpack talks: results on stdout, everything else on stderr."""

import errno
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from hotpack.errors import HotpackError
from hotpack.progress import Advance, Unit, mb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def exit_code(cli: click.Group) -> int:
    """Run the command line and return its exit code: 1 for an error, 2 for a wrong call."""
    # As Ctrl-C: what is open is closed, and what is half-written removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        result = cli.main(standalone_mode=False)
    except HotpackError as error:
        if hasattr(sys, "tracebacklimit"):
            raise
        _print_error(error)
        return 1
    except OSError as error:
        if hasattr(sys, "tracebacklimit"):
            raise
        _print_error(_of_the_system(error))
        return 1
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing half-written is left", err=True)
        return 130
    return result if isinstance(result, int) else 0


def _of_the_system(error: OSError) -> HotpackError:
    """Return what the system refused, for people."""
    where = f" ({error.filename})" if error.filename else ""
    hints = {
        errno.ENOSPC: "make room, or set HOTPACK_CACHE_DIR to another disk",
        errno.EROFS: "hotpack writes to .hotpack in the project, and to HOTPACK_CACHE_DIR",
        errno.EACCES: "hotpack writes to .hotpack in the project, and to HOTPACK_CACHE_DIR",
        errno.ENOENT: "hotpack writes to .hotpack in the project, and to HOTPACK_CACHE_DIR",
        errno.EADDRINUSE: "another program has that port: choose one with --port",
    }
    message = f"{error.strerror or error}{where}"
    return HotpackError(message, hint=hints.get(error.errno or 0, "--debug shows where"))


def _print_error(error: HotpackError) -> None:
    if "--json" in sys.argv:
        print_json({"error": error.message, "kind": type(error).__name__, "hint": error.hint})
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(error.message, err=True)
    if error.hint:
        click.secho("hint: ", fg="cyan", bold=True, nl=False, err=True)
        click.echo(error.hint, err=True)


def agree(question: str, *, yes: bool) -> None:
    """Go on if the user says so, or has said so with `--yes`.

    Raises Exit for a no, and HotpackError where there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise HotpackError("nobody is there to be asked", hint="--yes agrees beforehand")
    if not click.confirm(question, err=True):
        click.echo("nothing was done", err=True)
        raise click.exceptions.Exit(1)


def print_json(document: Any) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(document, indent=2))


def show(*renderables: "RenderableType", err: bool = False) -> None:
    """Print tables and text for people, on stdout unless `err`."""
    terminal = console(err=err)
    for renderable in renderables:
        terminal.print(renderable)


def console(*, err: bool) -> "Console":
    """Return a rich console: never narrower than the tables need when it is no terminal."""
    from rich.console import Console

    is_terminal = (sys.stderr if err else sys.stdout).isatty()
    return Console(stderr=err, highlight=False, width=None if is_terminal else 100)


class Talk:
    """Reports progress on stderr: bars in a terminal, a line for each finished step elsewhere."""

    def __init__(self) -> None:
        self._console = console(err=True)
        self._warned: set[str] = set()

    def log(self, message: str) -> None:
        """Say one line."""
        self._console.print(message, markup=False)

    def warn(self, message: str, *, hint: str | None = None) -> None:
        """Say that the result is usable, but not as good as it could be; the same only once."""
        from rich.markup import escape

        if message in self._warned:
            return
        self._warned.add(message)
        self._console.print("[yellow bold]warning:[/]", escape(message))
        if hint:
            self._console.print("[cyan bold]hint:[/]", escape(hint))

    @contextmanager
    def task(self, description: str, total: int | None, unit: Unit) -> Iterator[Advance]:
        """Show a bar while the context is open, then say what was done in how long."""
        from rich.markup import escape

        started = time.monotonic()
        with self._bar(description, total, unit) as advance:
            yield advance
        took = time.monotonic() - started
        amount = _amount(total, unit)
        self._console.print(f"  [green]✓[/] {escape(description)}{amount} [dim]{took:.1f} s[/]")

    @contextmanager
    def _bar(self, description: str, total: int | None, unit: Unit) -> Iterator[Advance]:
        from rich import progress as bars

        done: bars.ProgressColumn = (
            bars.DownloadColumn() if unit == "bytes" else bars.MofNCompleteColumn()
        )
        with bars.Progress(
            bars.SpinnerColumn(),
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            *([done] if total else []),
            *([bars.TransferSpeedColumn()] if total and unit == "bytes" else []),
            bars.TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as bar:
            task = bar.add_task(description, total=total)
            yield lambda amount: bar.advance(task, amount)


def _amount(total: int | None, unit: Unit) -> str:
    if not total:
        return ""
    return f" {mb(total)}" if unit == "bytes" else f" {total} {unit}"
