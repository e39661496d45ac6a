"""``sync`` and ``import``: a profile brought to a script or test, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsv4_env.cli import complete
from dsv4_env.cli.common import (
    Inputs,
    catalogue_for,
    color_option,
    input_options,
    profile_folder,
    profiles_option,
    selection_options,
    sglang_option,
    tell,
    use_color,
    write,
)
from dsv4_env.cli.operands import open_launch, relevant, split
from dsv4_env.model.errors import Dsv4Error, UsageError
from dsv4_env.model.style import plain
from dsv4_env.profile import Profile, load_profile

OPTION = "--secrets-from-environment"

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.compare.differences import Difference
    from dsv4_env.model import LaunchConfig
    from dsv4_env.writeback import Differ, Refused
    from dsv4_env.writeback.files import Change
    from dsv4_env.writeback.layers import Layers


@dataclass(frozen=True, slots=True)
class _How:
    """How the two sides are compared, and what is shown and written."""

    catalogue: Catalogue | None
    ignore: tuple[str, ...]
    compare: tuple[str, ...]
    inputs: Inputs
    partial: bool
    write: bool
    force: bool
    color: bool
    from_environment: bool = False

    def compared(self, profile: LaunchConfig, launch: LaunchConfig) -> list[Difference]:
        """The differences from a profile to a launch."""
        from dsv4_env.compare.findings import compared

        return compared(
            profile, launch, ignore=self.ignore, compare=self.compare, catalogue=self.catalogue
        )

    def differ(self, profile: LaunchConfig) -> Differ:
        """The same for one profile."""
        return lambda launch: self.compared(profile, launch)


partial_option = click.option(
    "--partial", is_flag=True, help="Leave out what can't be written safely, and write the rest."
)
force_option = click.option(
    "--force", is_flag=True, help="Write a file that has uncommitted changes or changed meanwhile."
)
secrets_option = click.option(
    "--secrets-from-environment",
    is_flag=True,
    help="Write {from-environment = true} for a variable that holds a secret, and leave out flags "
    "that do.",
)
exact_option = click.option(
    "--exact", is_flag=True, help="Every letter counts, whatever SGLang makes of it."
)


@click.command()
@click.argument("name", metavar="PROFILE", shell_complete=complete.profiles)
@click.option(
    "--from",
    "source",
    metavar="SCRIPT|TEST",
    shell_complete=complete.files,
    help="Change the profile's layers.",
)
@click.option(
    "--to",
    "target",
    metavar="SCRIPT|TEST",
    shell_complete=complete.files,
    help="Change the script or test.",
)
@click.option("--write", "write_", is_flag=True, help="Write what the diff shows.")
@click.option("--prune", is_flag=True, help="--to: take out settings that the profile hasn't.")
@click.option("--shared", is_flag=True, help="--to: also change values that other launches use.")
@click.option("--layer", metavar="NAME", help="--from: the layer that the changes go to.")
@secrets_option
@partial_option
@force_option
@selection_options
@exact_option
@sglang_option
@input_options
@profiles_option
@color_option
def sync(
    name: str,
    source: str | None,
    target: str | None,
    write_: bool,
    prune: bool,
    shared: bool,
    layer: str | None,
    secrets_from_environment: bool,
    partial: bool,
    force: bool,
    ignore: tuple[str, ...],
    compare: tuple[str, ...],
    exact: bool,
    sglang: str | None,
    folder: Path | None,
    color: str,
    inputs: Inputs,
) -> int:
    """Bring a script or test to a profile, or a profile to them.

    Shows a diff and writes nothing without --write. What SGLang reads the same is left alone.
    --to edits values only where they stand; --from edits the layer that a setting comes from,
    or the profile's own where others share that layer. A secret is never written into a layer:
    the command refuses (exit code 2) and says how to leave it to the environment.
    Exit code 1 when there is something to write, 0 when there is nothing (more) to do.

    \b
    Examples:
      dsv4-env sync pro-fp4 --to run_dsv4.sh
      dsv4-env sync pro-fp4 --to run_dsv4.sh --prune --write
      dsv4-env sync flash-fp4 --to test_v4.py::TestV4.setUpClass
      dsv4-env sync pro-fp4 --from run_dsv4.sh#2 --write
      dsv4-env sync mine --from port:30000 --profiles launch --layer common-mine
    """
    if (source is None) == (target is None):
        raise UsageError("sync needs a direction", expected="either --from or --to")
    own = profile_folder(folder)
    profile = load_profile(name, own)
    how = _How(
        None if exact else catalogue_for(sglang, [profile.sglang_range]),
        ignore, compare, inputs, partial, write_, force, use_color(color),
        secrets_from_environment,
    )  # fmt: skip
    if target is not None:
        if secrets_from_environment:
            raise UsageError(f"{OPTION} with --to", expected=f"{OPTION} with --from")
        if layer is not None:
            raise UsageError("--layer with --to", expected="--layer with --from")
        return _to(profile, target, how, prune=prune, shared=shared)
    if prune or shared:
        raise UsageError("--prune and --shared with --from", expected="them with --to")
    assert source is not None
    return _from(profile, source, how, own, layer)


def _to(profile: Profile, text: str, how: _How, *, prune: bool, shared: bool) -> int:
    """Edit the file that an operand names."""
    from dsv4_env.compare.normalise import with_model
    from dsv4_env.reporters.unified import unified
    from dsv4_env.writeback import source as sources

    operand = split(text)
    if operand.path == "-":
        raise UsageError("standard input can't be written", expected="a file")
    inputs = how.inputs
    opened = sources.open_source(
        Path(operand.path), operand.launch, operand.line, operand.symbol,
        inputs=inputs.variables, args=inputs.args, closed=inputs.closed, root=inputs.root,
    )  # fmt: skip
    left = with_model(profile)
    outcome = sources.bring(opened, left, how.differ(left), prune=prune, shared=shared)
    _refuse(outcome.refused, how)
    shown = unified(str(opened.path), opened.text, outcome.text, color=how.color)
    if outcome.extra:
        names = ", ".join(outcome.extra)
        hint = "" if prune else " (--prune takes out what it can)"
        _note(f"{opened.path} has what {profile.name} hasn't: {names}{hint}")
    if how.write and shown:
        sources.save(opened, outcome, how.differ(left), force=how.force)
    write(shown)
    if how.write and shown:
        _note(f"wrote {opened.path}")
    return 1 if outcome.refused or (shown and not how.write) else 0


def _refuse(refused: Sequence[Refused], how: _How) -> None:
    """Say what can't be written; without --partial that is an error."""
    if how.from_environment:
        for one in refused:
            if one.expected is not None:
                _note(f"left to the launch: {one}")
        refused = [one for one in refused if one.expected is None]
    if refused and not how.partial:
        for one in refused[1:]:
            _note(f"can't be written: {one}")
        more = f" (and {len(refused) - 1} more, told above)" if refused[1:] else ""
        raise UsageError(
            f"{refused[0].told}{more}",
            where=refused[0].location,
            expected=refused[0].expected
            or "a value that can be written safely, or --partial to write the rest",
        )
    for one in refused:
        _note(f"left alone: {one}")


def _note(message: str) -> None:
    tell(f"dsv4-env: {plain(message)}")


def _from(profile: Profile, text: str, how: _How, own: Path | None, layer: str | None) -> int:
    """Edit the layers of a profile."""
    from dsv4_env.writeback.layers import Layers, bring

    launch = _launch(text, how.inputs, profile)
    layers = Layers(profile.name, own, layer)
    _refuse(bring(layers, launch, how.compared, from_environment=how.from_environment), how)
    changes = layers.changes()
    others = layers.affected()
    label = f"also changes {', '.join(others)}" if others else None
    code = _finish(layers, changes, how, label)
    return 1 if code or _left(layers, how, launch) else 0


def _launch(text: str, inputs: Inputs, profile: Profile | None) -> LaunchConfig:
    launch = open_launch(text, inputs).config
    return relevant(launch, set(profile.config.effective_env) if profile else ())


def _left(layers: Layers, how: _How, launch: LaunchConfig) -> list[str]:
    """What the profile, as edited, still has otherwise than the launch."""
    from dsv4_env.compare.normalise import with_model
    from dsv4_env.writeback import SETTLED, kept_out

    found = how.compared(with_model(layers.profile()), launch)
    left = [d for d in found if d.kind not in SETTLED]
    if how.from_environment:
        left = [d for d in left if kept_out.refused(launch, d) is None]
    return [d.name for d in left]


def _finish(
    layers: Layers,
    changes: Sequence[Change],
    how: _How,
    label: str | None,
) -> int:
    """Show the changes of layers, and write them with what hangs on them; 1 if it remains to do."""
    from dsv4_env.compare.normalise import with_model
    from dsv4_env.profile import load_profile
    from dsv4_env.reporters.unified import unified
    from dsv4_env.writeback import files
    from dsv4_env.writeback.layers import relock

    shown = ""
    for change in changes:
        old, new = ((data or b"").decode() for data in (change.old, change.new))
        shown += unified(_short(change.path), old, new, color=how.color, label=label)
    if not changes or not how.write:
        write(shown)
        return 1 if changes else 0
    intended = with_model(layers.profile())

    def verify() -> str | None:
        from dsv4_env.compare.differences import diff

        found = diff(intended, with_model(load_profile(layers.name, layers.folder)))
        return found[0].name if found else None

    locks = layers.locks()
    files.write(changes, verify, force=how.force)
    renewed: list[Change] = []
    for path in locks:
        try:
            renewed += [change for change in [relock(path)] if change.old != change.new]
        except Dsv4Error as exc:  # a secret in a layer: the lock is old from now on, and unused
            _note(f"{_short(path)} isn't renewed: {exc}")
    for change in renewed:
        files.write([change], lambda: None, force=True)
    write(shown)
    for change in (*changes, *renewed):
        _note(f"wrote {_short(change.path)}")
    return 0


def _short(path: Path) -> str:
    return str(path).removeprefix(f"{Path.cwd()}/")


@click.command("import")
@click.argument("source", metavar="SCRIPT|TEST", shell_complete=complete.files)
@click.option("--as", "name", required=True, metavar="NAME", help="What the profile is called.")
@click.option(
    "--over",
    metavar="PROFILE",
    shell_complete=complete.profiles,
    help="The profile to extend. Default: the nearest one.",
)
@click.option("--write", "write_", is_flag=True, help="Write it into the folder of your profiles.")
@secrets_option
@partial_option
@selection_options
@exact_option
@sglang_option
@input_options
@profiles_option
@color_option
def import_(
    source: str,
    name: str,
    over: str | None,
    write_: bool,
    secrets_from_environment: bool,
    partial: bool,
    ignore: tuple[str, ...],
    compare: tuple[str, ...],
    exact: bool,
    sglang: str | None,
    folder: Path | None,
    color: str,
    inputs: Inputs,
) -> int:
    """Make a profile of a launch, over the nearest one there is.

    Prints the TOML of the smallest layer that does it; --write makes NAME.toml in the folder of
    your own profiles. Host and port stay out of it, for they belong to a machine. So do secrets:
    what looks like one is refused, or left to the environment of the launch.

    \b
    Examples:
      dsv4-env import run.sh --as mine
      dsv4-env import test_v4.py::TestV4.setUpClass --as mine --profiles launch --write
      dsv4-env import port:30000 --as as-it-runs --over pro-fp4 --partial
    """
    from dsv4_env.writeback import imports

    own = profile_folder(folder)
    if write_ and own is None:
        raise UsageError("--write without a folder of your own profiles", expected="--profiles DIR")
    how = _How(
        None if exact else catalogue_for(sglang, []),
        ignore, compare, inputs, partial, write_, force=False, color=use_color(color),
        from_environment=secrets_from_environment,
    )  # fmt: skip
    launch = _launch(source, inputs, None)
    title = f"Imported from {source}"
    made = imports.make(
        launch, name, own, how.compared, over=over, title=title,
        from_environment=secrets_from_environment,
    )  # fmt: skip
    _refuse(made.refused, how)
    if made.local:
        _note(f"left to the machine: {', '.join(made.local)}")
    if not write_:
        write(made.text)
        return 0
    quiet = replace(how, color=False)
    _finish(made.layers, made.layers.changes(), quiet, None)
    return 0


COMMANDS = (sync, import_)
