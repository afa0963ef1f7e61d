"""The command line: one module a command. The only room that prints."""

import gc
import importlib
import sys
from typing import Final

import click

from hotpack import __version__

COMMANDS: Final = {
    "init": "Write a starting [tool.hotpack] and a sample event.",
    "build": "Build the function: install, slim, lay out, pack.",
    "sizes": "Show what weighs what, by distribution and file.",
    "trace": "Record what a cold start and the events touch.",
    "invoke": "Run events in the local Lambda.",
    "serve": "Serve the function behind a local Invoke API and a function URL.",
    "bench": "Measure cold starts against the bare import.",
    "tune": "Try memory sizes: durations, cost, and which one to take.",
    "chart": "Chart durations over time, from REPORT lines.",
    "deploy": "Put the function on AWS: packs, code, settings, version, alias.",
    "status": "Show the releases on AWS, and which one is live.",
    "rollback": "Make an earlier release live again.",
    "gc": "Delete from the bucket what no release needs.",
    "export": "Write the function for Terraform, SAM, Serverless or CDK.",
    "cache": "Show what the cache holds; prune or clear it.",
    "doctor": "Show what this machine can do, and what is missing.",
    "completion": "Print the shell completion script.",
}
"""In the order of `--help`. The texts are here too, so that `--help` imports no command."""


class _LazyGroup(click.Group):
    """Imports a command's module when that command is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"hotpack.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Example, in a project's folder:
  hotpack init      write [tool.hotpack] and a sample event
  hotpack build     build the function and say what it weighs
  hotpack invoke    run it in the local Lambda
""",
)
@click.version_option(__version__, package_name="hotpack", message="hotpack %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Heavy Python dependencies on AWS Lambda.

    Builds a Python project for Lambda so that it fits, nothing is lost and it starts fast, and
    runs it in a local Lambda, without Docker and without an account.
    """
    if debug:
        sys.tracebacklimit = 1000


def main() -> None:
    """Run the command line; an error is one line and a hint, and exit code 1."""
    from hotpack.cli.console import exit_code

    # Trees and syntax trees are millions of objects without a cycle: collecting them each time a
    # few hundred are new takes a fifth of a build.
    gc.set_threshold(200_000, 50, 50)
    sys.exit(exit_code(cli))
