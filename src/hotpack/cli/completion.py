"""`hotpack completion`."""

import click
from click.shell_completion import get_completion_class


@click.command(
    epilog="""\b
Examples:
  hotpack completion bash >> ~/.bashrc
  hotpack completion zsh >> ~/.zshrc
  hotpack completion fish > ~/.config/fish/completions/hotpack.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the shell completion script."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choices above are click's own
    click.echo(kind(context.find_root().command, {}, "hotpack", "_HOTPACK_COMPLETE").source())
