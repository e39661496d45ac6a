"""``lsp``: a language server, which an editor starts."""

from __future__ import annotations

import os
import sys

import click

from dsv4_env.cli.output import tell
from dsv4_env.model.errors import UsageError

_PACKAGES = ("pygls", "lsprotocol", "cattrs", "attrs", "attr")


@click.command()
@click.option("--stdio", is_flag=True, help="As it is anyway: some editors say so.")
def lsp(stdio: bool) -> None:  # noqa: ARG001  # there is no other way
    """Talk to an editor, as its language server.

    The editor starts it, and talks over standard input and output. Scripts, tests, manifests and
    the layers of profiles have what `lint` and `check` say of them while they are written, saved or
    not. Besides: what `explain` says of the name under the cursor, completion of names and
    values, the edits of `sync` and `upgrade` as quick fixes, and the way to the layer that says
    it. It needs the package pygls: `pip install 'dsv4-env[lsp]'`.

    \b
    Examples:
      dsv4-env lsp
    """
    try:
        from dsv4_env.lsp.server import serve  # pygls, which is an extra
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] not in _PACKAGES:
            raise
        raise UsageError(
            f"the package {exc.name} isn't installed for {sys.executable}",
            expected="pip install 'dsv4-env[lsp]'",
        ) from None
    if sys.stdin is None or sys.stdout is None:
        raise UsageError("there is no editor", expected="one on standard input and output")
    if sys.stdin.isatty():
        tell("dsv4-env: note: this talks to an editor, which starts it; Ctrl-C ends it")
    # pygls closes what it's given; and whatever else is printed must not get between its messages.
    with os.fdopen(os.dup(0), "rb") as stdin, os.fdopen(os.dup(1), "wb") as stdout:
        sys.stdout.flush()
        os.dup2(2, 1)
        serve(stdin, stdout)


COMMANDS = (lsp,)
