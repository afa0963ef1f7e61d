"""What `--remote` needs: the account that is meant, and a copy of what is live there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from hotpack.cli.options import Command
from hotpack.deploy import Aws, connect, open_session
from hotpack.deploy.copying import Copy, copied, live_version
from hotpack.progress import Progress
from hotpack.project import Project


def remote_option(what: str) -> Callable[[Command], Command]:
    """Add `--remote`, with what it does."""
    return click.option("--remote", is_flag=True, help=what)


def connect_for(project: Project, region: str | None, profile: str | None) -> Aws:
    """Return the account and region that the command line names, else the project, else AWS's."""
    config = project.config
    return connect(open_session(region or config.region, profile or config.profile))


@contextmanager
def copy_of_live(
    project: Project, region: str | None, profile: str | None, progress: Progress
) -> Iterator[Copy]:
    """Yield a copy of the project's function as it is live, and delete it however this ends."""
    aws, config = connect_for(project, region, profile), project.config
    live = live_version(aws, config.function, config.alias)
    with copied(aws, live, config.bucket, progress) as copy:
        yield copy


def refuse_without_remote(**options: object) -> None:
    """Raise UsageError where options that only say which function on AWS are given without it."""
    named = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if named:
        raise click.UsageError(
            f"{' and '.join(named)} {'go' if named[1:] else 'goes'} with --remote"
        )
