"""``sync`` and ``import``: a profile brought to a script or test, and the other way round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsv4_env.adopt.names import names, shared_words
from dsv4_env.catalogue import Catalogue
from dsv4_env.cli import complete
from dsv4_env.cli.comparing import Comparing, comparing_options
from dsv4_env.cli.names import split_operand
from dsv4_env.cli.operands import open_launch, relevant
from dsv4_env.cli.options import F, Inputs, collected, color_option, input_options, profiles_option
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.target import further_options
from dsv4_env.cli.wanted import wanted
from dsv4_env.compare.differences import Difference, diff
from dsv4_env.compare.findings import compared
from dsv4_env.compare.normalise import with_model
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error, UsageError
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import plain
from dsv4_env.profile import Profile, Wanted, layer_files, load_wanted
from dsv4_env.reporters.unified import unified
from dsv4_env.writeback import files, source as sources
from dsv4_env.writeback.edits import SETTLED, Differ, Refused
from dsv4_env.writeback.files import FileChange

if TYPE_CHECKING:
    from dsv4_env.adopt.imports import Imported
    from dsv4_env.writeback.layers import EditedLayers

_OPTION = "--secrets-from-environment"


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written: all of it or *partial*; *force*: over what somebody else has changed."""

    write_: bool
    secrets_from_environment: bool
    partial: bool
    force: bool = False


def writing_options(about: str, *more: Callable[[Any], Any]) -> Callable[[F], F]:
    """The options that say what is written; they arrive as one ``writing``."""
    return collected(
        "writing",
        Writing,
        click.option("--write", "write_", is_flag=True, help=about),
        click.option(
            _OPTION,
            is_flag=True,
            help="Write {from-environment = true} for a variable that holds a secret, and leave "
            "out flags that do.",
        ),
        click.option(
            "--partial",
            is_flag=True,
            help="Leave out what can't be written safely, and write the rest.",
        ),
        *more,
    )


@dataclass(frozen=True, slots=True)
class Direction:
    """Which side is brought to the other, and how far."""

    source: str | None
    target: str | None
    prune: bool
    shared: bool
    layer: str | None


@dataclass(frozen=True, slots=True)
class _How:
    """How the two sides are compared, and what is shown and written."""

    comparing: Comparing
    catalogue: Catalogue | None
    inputs: Inputs
    writing: Writing
    color: bool

    def compared(self, profile: LaunchConfig, launch: LaunchConfig) -> list[Difference]:
        """The differences from a profile to a launch."""
        return compared(
            profile,
            launch,
            ignore=self.comparing.ignore,
            compare=self.comparing.compare,
            catalogue=self.catalogue,
            given=self.inputs.variables,
        )

    def differ(self, profile: LaunchConfig) -> Differ:
        """The same for one profile."""
        return lambda launch: self.compared(profile, launch)


@click.command()
@click.argument("name", metavar="PROFILE", shell_complete=complete.offered_profiles)
@collected(
    "direction",
    Direction,
    click.option(
        "--from",
        "source",
        metavar="SCRIPT|TEST",
        shell_complete=complete.offered_files,
        help="Change the profile's layers.",
    ),
    click.option(
        "--to",
        "target",
        metavar="FILE",
        shell_complete=complete.offered_files,
        help="Change the file: a script, a test, a manifest, a recipe, a page …",
    ),
    click.option("--prune", is_flag=True, help="--to: take out settings that the profile hasn't."),
    click.option(
        "--shared", is_flag=True, help="--to: also change values that other launches use."
    ),
    click.option("--layer", metavar="NAME", help="--from: the layer that the changes go to."),
)
@writing_options(
    "Write what the diff shows.",
    click.option(
        "--force",
        is_flag=True,
        help="Write a file that has uncommitted changes or changed meanwhile.",
    ),
)
@comparing_options
@further_options
@input_options
@profiles_option
@color_option
def sync(
    name: str,
    direction: Direction,
    writing: Writing,
    comparing: Comparing,
    inputs: Inputs,
    folder: Path | None,
    color: bool,
) -> int:
    """Bring a file to a profile, or a profile to it.

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
    if (direction.source is None) == (direction.target is None):
        raise UsageError("sync needs a direction", expected="either --from or --to")
    own = profile_folder(folder)
    profile = load_wanted(name, own, wanted())
    catalogue = comparing.catalogue(comparing.sglang, [profile.sglang_range], inputs.root)
    how = _How(comparing, catalogue, inputs, writing, color)
    if direction.target is not None:
        if writing.secrets_from_environment:
            raise UsageError(f"{_OPTION} with --to", expected=f"{_OPTION} with --from")
        if direction.layer is not None:
            raise UsageError("--layer with --to", expected="--layer with --from")
        return _to(profile, direction.target, how, direction)
    if direction.prune or direction.shared:
        raise UsageError("--prune and --shared with --from", expected="them with --to")
    assert direction.source is not None
    return _from(profile, direction.source, how, own, direction.layer)


def _to(profile: Profile, text: str, how: _How, direction: Direction) -> int:
    """Edit the file that an operand names."""
    operand = split_operand(text)
    if operand.path == "-":
        raise UsageError("standard input can't be written", expected="a file")
    inputs = how.inputs
    opened = sources.open_for_edit(
        Path(operand.path), operand.launch, operand.line, operand.symbol,
        inputs=inputs.variables, args=inputs.args, closed=inputs.closed, root=inputs.root,
    )  # fmt: skip
    left = with_model(profile)
    outcome = sources.edit_file(
        opened, left, how.differ(left), prune=direction.prune, shared=direction.shared
    )
    left_alone = sources.edit_facts(
        opened, left, outcome, ignore=how.comparing.ignore, shared=direction.shared
    )
    _refuse(outcome.refused, how)
    for one in left_alone:
        _note(f"left alone: {one}")
    shown = unified(str(opened.path), opened.text, outcome.text, color=how.color)
    if outcome.extra:
        names = ", ".join(outcome.extra)
        hint = "" if direction.prune else " (--prune takes out what it can)"
        _note(f"{opened.path} has what {profile.name} hasn't: {names}{hint}")
    if how.writing.write_ and shown:
        sources.save(opened, outcome, how.differ(left), force=how.writing.force)
    write(shown)
    if how.writing.write_ and shown:
        _note(f"wrote {opened.path}")
    return 1 if outcome.refused or (shown and not how.writing.write_) else 0


def _refuse(refused: Sequence[Refused], how: _How) -> None:
    """Say what can't be written; without --partial that is an error."""
    if how.writing.secrets_from_environment:
        for one in refused:
            if one.expected is not None:
                _note(f"left to the launch: {one}")
        refused = [one for one in refused if one.expected is None]
    if refused and not how.writing.partial:
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
    from dsv4_env.writeback.layers import (  # pydantic and tomlkit
        EditedLayers,
        edit_layer_facts,
        edit_layers,
    )

    launch = _launch(text, how.inputs, profile)
    layers = EditedLayers(profile.name, own, layer, profile.target, profile.sglang)
    _refuse(
        edit_layers(
            layers, launch, how.compared, from_environment=how.writing.secrets_from_environment
        ),
        how,
    )
    for one in edit_layer_facts(layers, launch, how.comparing.ignore):
        _note(f"left alone: {one}")
    changes = layers.changes()
    others = layers.affected()
    label = f"also changes {', '.join(others)}" if others else None
    code = _finish(layers, changes, how, label)
    return 1 if code or _left(layers, how, launch) else 0


def _launch(text: str, inputs: Inputs, profile: Profile | None) -> LaunchConfig:
    launch = open_launch(text, inputs).config
    if launch.served is not None:
        raise UsageError(
            f"{launch.name} says what became of its arguments, not which were given",
            expected="pid:N or port:N on its machine, or the script that starts it",
        )
    return relevant(launch, set(profile.config.effective_env) if profile else ())


def _left(layers: EditedLayers, how: _How, launch: LaunchConfig) -> list[str]:
    """What the profile, as edited, still has otherwise than the launch."""
    found = how.compared(with_model(layers.profile()), launch)
    left = [d for d in found if d.kind not in SETTLED]
    if how.writing.secrets_from_environment:
        from dsv4_env.writeback.layers import secret_of  # pydantic and tomlkit

        left = [d for d in left if secret_of(launch, d) is None]
    return [d.name for d in left]


def _finish(
    layers: EditedLayers,
    changes: Sequence[FileChange],
    how: _How,
    label: str | None,
    target: Wanted | None = None,
) -> int:
    """Show the changes of layers, and write them with what hangs on them; 1 if it remains to do."""
    from dsv4_env.writeback.layers import relock  # pydantic and tomlkit

    shown = ""
    for change in changes:
        old, new = ((data or b"").decode() for data in (change.old, change.new))
        shown += unified(_short(change.path), old, new, color=how.color, label=label)
    if not changes or not how.writing.write_:
        write(shown)
        return 1 if changes else 0
    intended = with_model(layers.profile())

    def verify() -> str | None:
        asked = replace(target, sglang=wanted().sglang) if target else wanted()
        found = diff(intended, with_model(load_wanted(layers.name, layers.folder, asked)))
        return found[0].name if found else None

    locks = layers.locks()
    files.write_changes(changes, verify, force=how.writing.force)
    renewed: list[FileChange] = []
    for path in locks:
        try:
            renewed += [change for change in [relock(path)] if change.old != change.new]
        except Dsv4Error as exc:  # a secret in a layer: the lock is old from now on, and unused
            _note(f"{_short(path)} isn't renewed: {exc}")
    for change in renewed:
        files.write_changes([change], lambda: None, force=True)
    write(shown)
    for change in (*changes, *renewed):
        _note(f"wrote {_short(change.path)}")
    return 0


def _short(path: Path) -> str:
    return str(path).removeprefix(f"{Path.cwd()}/")


@click.command("import")
@click.argument(
    "sources",
    metavar="SCRIPT|TEST...",
    nargs=-1,
    required=True,
    shell_complete=complete.offered_files,
)
@click.option(
    "--as", "name", metavar="NAME", help="What the profile is called. Default: as its file."
)
@click.option(
    "--over",
    metavar="PROFILE",
    shell_complete=complete.offered_profiles,
    help="The profile or abstract layer to extend, or PROFILE+OVERLAY for one more overlay. "
    "Default: the nearest of all these.",
)
@writing_options("Write it into the folder of your profiles.")
@comparing_options
@input_options
@profiles_option
@color_option
def import_(
    sources: tuple[str, ...],
    name: str | None,
    over: str | None,
    writing: Writing,
    comparing: Comparing,
    inputs: Inputs,
    folder: Path | None,
    color: bool,
) -> int:
    """Make a profile of a launch, over the nearest one there is.

    Prints the TOML of the smallest layer that does it; --write makes NAME.toml in the folder of
    your own profiles. Where a profile with overlays is the nearest, the layer is one more overlay,
    and none where that is the launch already. Several files become a layer each; `adopt` finds what
    they share. The order of flags and the spelling of values are kept, and what a test says beside
    its settings. Host and port stay out of it, for they belong to a machine. So do secrets: what
    looks like one is refused, or left to the environment of the launch.

    \b
    Examples:
      dsv4-env import run.sh --as mine
      dsv4-env import test_v4.py::TestV4.setUpClass --as mine --profiles launch --write
      dsv4-env import port:30000 --as as-it-runs --over pro-fp4 --partial
    """
    from dsv4_env.adopt import imports  # pydantic and tomlkit

    own = profile_folder(folder)
    if writing.write_ and own is None:
        raise UsageError("--write without a folder of your own profiles", expected="--profiles DIR")
    catalogue = comparing.catalogue(comparing.sglang, [], inputs.root)
    how = _How(comparing, catalogue, inputs, writing, color)
    if name is not None and len(sources) > 1:
        raise UsageError("--as with several files", expected="one file, or their own names")
    launches = [_launch(source, inputs, None) for source in sources]
    called = [name] if name is not None else _names(sources, launches, own)
    for source, launch, each in zip(sources, launches, called, strict=True):
        made = imports.import_launch(
            launch, each, own, how.compared, over=over, title=f"Imported from {source}",
            from_environment=writing.secrets_from_environment, wanted=wanted(),
        )  # fmt: skip
        head = f"# {each}.toml\n" if name is None else ""
        _imported(made, how, head)
    return 0


def _names(sources: Sequence[str], launches: Sequence[LaunchConfig], own: Path | None) -> list[str]:
    """What profiles are called after their files, none of which is there already."""
    taken = set(layer_files(own))
    paths = [split_operand(source).path for source in sources]
    found = []
    for words in names(list(zip(paths, launches, strict=True))):
        name = "-".join("-".join(part) for part in (words.base, *words.overlays))
        if name in taken:
            name = "-".join((*shared_words(paths), name))
        found.append(name)
    return found


def _imported(made: Imported, how: _How, head: str) -> None:
    """Tell what was made of a launch, and print or write it."""
    _refuse(made.refused, how)
    if made.local:
        _note(f"left to the machine: {', '.join(made.local)}")
    for one, outside in made.overridable:
        unless = f"unless {' or '.join(outside)} is set outside"
        _note(f"{one} is so {unless}, which a layer can't say")
    if made.defaults:
        _note(f"left out, as SGLang does so by default: {', '.join(made.defaults)}")
    for key, value in made.kept:
        _note(f"{key} is that of {made.base}, {value}: the test says none that can be known")
    for left in made.beside:
        _note(f"left out, as {left.reason}: {left.location}: {scrubbed(left.text)}")
    if not made.text:
        _note(f"it is {made.name}: no layer is needed for it (--over PROFILE makes one even so)")
        return
    if made.wanted is not None:
        _note(f"{made.name} is the launch, with this layer")
    if not how.writing.write_:
        write(head + made.text)
        return
    quiet = replace(how, color=False)
    _finish(made.layers, made.layers.changes(), quiet, None, made.wanted)


COMMANDS = (sync, import_)
