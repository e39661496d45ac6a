"""``upgrade``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from dsv4_env.catalogue import Catalogue, history, load, within
from dsv4_env.cli import complete
from dsv4_env.cli.comparing import load_release, offered_releases, on_option
from dsv4_env.cli.names import is_source
from dsv4_env.cli.options import profiles_option
from dsv4_env.cli.output import table, tell, write
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.upgrading import UpgradeShown, upgrade_files
from dsv4_env.cli.wanted import wanted
from dsv4_env.compare.findings import show
from dsv4_env.lint.advice import Action, Advice, layer
from dsv4_env.lint.settling import upgraded_launch
from dsv4_env.lint.upgrade import advise
from dsv4_env.model import FROM_ENVIRONMENT, Location, Value
from dsv4_env.model.errors import UsageError
from dsv4_env.model.secrets import masked, plain_secret
from dsv4_env.model.style import plain
from dsv4_env.plan.platforms import Platform
from dsv4_env.profile import Profile, layer_files, load_wanted
from dsv4_env.profile.target import parse
from dsv4_env.reporters.json import json_text


@click.command()
@click.argument(
    "operands",
    metavar="PROFILE|FILE|FOLDER...",
    nargs=-1,
    required=True,
    shell_complete=complete.offered_operands,
)
@click.option(
    "--from",
    "before",
    metavar="RELEASE",
    shell_complete=offered_releases,
    help="The release it runs on. Default: the newest that the profile is for, before the other.",
)
@click.option(
    "--to",
    "after",
    required=True,
    metavar="RELEASE",
    shell_complete=offered_releases,
    help="The release to run it on.",
)
@on_option("Default: the profile's own, else one of each kind.")
@click.option("--all", "every", is_flag=True, help="List every default that moved.")
@click.option(
    "--write",
    "target",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Write the layer that does what can be done. Default: PROFILE-RELEASE.toml in the "
    "folder of your own profiles.",
)
@click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(("text", "json", "markdown")),
    default="text",
    show_default=True,
    help="How it is written.",
)
@click.option(
    "--force", is_flag=True, help="Write files that have uncommitted changes, or changed meanwhile."
)
@click.option(
    "--follow-all",
    is_flag=True,
    help="Follow every test of a folder. Without it those alone that, by the names in them, may "
    "launch a model of the profiles; how many others there are is told.",
)
@profiles_option
def upgrade(
    operands: tuple[str, ...],
    before: str | None,
    after: str,
    on: Platform | None,
    every: bool,
    target: str | None,
    format_: str,
    force: bool,
    follow_all: bool,
    folder: Path | None,
) -> int:
    """Say what a profile or a file needs for another release.

    So that it means the same there: what to rename, to drop, to change, to set (a default has
    moved) and what to decide. What SGLang does by itself there, as `plan` tells it, is dropped.
    --write makes a layer of it that extends the profile.

    Of files and folders one table says for each launch what it gives that the release doesn't take
    so, and what becomes of it: the launch runs on the release of its image, else on the newest that
    takes its flags. A launch that the other release refuses on its hardware is one more row.
    --write edits in place what is safe (a new name, a flag written whole, a variable that nothing
    reads), and all files or none; the rest says why it is left.

    \b
    Exit codes for files: 0 nothing (more) to do, 1 something is to be edited or decided, 2 wrong
    usage, or a file can't be read.

    \b
    Examples:
      dsv4-env upgrade pro-fp4 --to 0.5.23
      dsv4-env upgrade recipes/ --to 0.5.23 --write
      dsv4-env upgrade pro-fp4 --from 0.5.13 --to 0.5.23 --write pro-fp4-0.5.23.toml
    """
    own = profile_folder(folder)
    files = [o for o in operands if _is_file(o, own)]
    if files:
        if len(files) != len(operands):
            one = next(o for o in operands if o not in files)
            raise UsageError(f"{one} is a profile", expected="files and folders, or one profile")
        if target:
            raise UsageError(f"--write {target} of files", expected="--write behind them")
        shown = UpgradeShown(format_, target is not None, force, follow_all, on)
        older = load_release(before) if before is not None else None
        return upgrade_files(files, older, _newer(load_release(after), older, before), shown)
    if len(operands) > 1:
        raise UsageError(" ".join(operands), expected="one profile, or files and folders")
    (name,) = operands
    if target is not None and parse(name).name != parse(name).base:
        raise UsageError(
            f"--write of {name}: a layer extends no overlay",
            expected=f"--write of {parse(name).base}, or no --write",
        )
    new = load_release(after)
    profile = load_wanted(name, own, replace(wanted(), sglang=new.base or new.release))
    old = load_release(before) if before is not None else _run_on(profile, new)
    _newer(new, old, before)
    advice = advise(profile, old, new, every=every, on=on)
    made = upgraded_launch(profile, old, new, on)
    left = made.left(advice) if made is not None else []
    path = (
        None if target is None else _target(target, f"{parse(name).base}-{new.release}.toml", own)
    )
    if path is not None:  # before anything is printed: the reader may go away
        import tomli_w  # which only those need who write

        _no_secret(advice, profile)
        write(tomli_w.dumps(layer(profile, advice, new)), path, hands_on=True)
    rows = [(a.action.value, a.name, _what(a)) for a in advice]
    title = f"{name} from {old.name} to {new.name.removeprefix('SGLang ')}: "
    todo = len(rows) + len(left)
    title += f"{todo} to see to" if todo else "nothing to do"
    moved = list(
        _by_layers(
            load_wanted(name, own, replace(wanted(), sglang=old.base or old.release)), profile
        )
    )
    lines = [title, *(table(rows).splitlines() if rows else ()), *(f"left: {x}" for x in left)]
    if moved:
        lines += ["", f"what its layers do by themselves: {len(moved)}"]
        lines += table(moved).splitlines()
    if format_ == "json":
        told = [{"action": a.action.value, "setting": a.name, "new": a.new, "what": _what(a)}
                for a in advice]  # fmt: skip
        write(json_text({"version": 1, "profile": name, "from": old.release, "to": new.release,
                         "settings": told, "left": left}))  # fmt: skip
    elif format_ == "markdown":
        lines = ["| Action | Setting | What |", "| --- | --- | --- |"] if rows else []
        lines += ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in rows]
        lines += [*([""] if rows else ()), title, *(f"left: {x}" for x in left)]
    if format_ != "json":
        write("".join(f"{line}\n" for line in map(plain, lines)))
    if path is not None:
        tell(f"wrote {Location(str(path))}")
    return 0


def _is_file(text: str, own: Path | None) -> bool:
    """Whether an operand is a file with launches or a folder, and no profile."""
    if text in layer_files(own) or text.endswith(".toml"):
        return False
    return Path(text).is_dir() or is_source(text)


def _newer(new: Catalogue, old: Catalogue | None, asked: str | None) -> Catalogue:
    """The newer release. Raises UsageError where the one that is asked for isn't older."""
    if asked is not None and old is not None and old.release not in history.before(new):
        raise UsageError(
            f"--from {asked} --to {new.release}", expected="an older release, then a newer one"
        )
    return new


def _by_layers(old: Profile, new: Profile) -> Iterator[tuple[str, str, str]]:
    """What a profile gives otherwise for another release: kind, name and both values."""
    for was, now in (
        ({e.name: [e.value] for e in old.config.env}, {e.name: [e.value] for e in new.config.env}),
        (_arguments(old), _arguments(new)),
    ):
        for name in dict.fromkeys((*was, *now)):
            if was.get(name) != now.get(name):
                kind = "set" if name not in was else "drop" if name not in now else "change"
                before, after = (
                    show(name, side[name]) if name in side else None for side in (was, now)
                )
                yield kind, name, " → ".join(text for text in (before, after) if text is not None)


def _arguments(profile: Profile) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = {}
    for arg in profile.config.args or ():
        found.setdefault(arg.flag or "", []).extend(arg.values)
    return found


def _no_secret(advice: Sequence[Advice], profile: Profile) -> None:
    """Raise UsageError where the layer would hold a secret under a new name."""
    for a in advice:
        words = [w for values in a.values or () for w in values]
        if a.new and any(plain_secret(a.new, w) for w in words):
            raise UsageError(
                f"{a.new} holds what looks like a secret, and a layer is read by everyone",
                where=next((e.location for e in profile.config.env if e.name == a.name), None),
                expected=f"{a.name} = {FROM_ENVIRONMENT} in the profile",
            )


def _run_on(profile: Profile, new: Catalogue) -> Catalogue:
    """The release that a profile is taken to run on: the newest that it's for, before *new*."""
    older = history.before(new)
    fits = within(profile.sglang_range) if profile.sglang_range else older
    found = [r for r in older if r in fits]
    return load(found[-1]) if found else new


def _what(a: Advice) -> str:
    if a.action is Action.SET and a.values is not None:
        value = " ".join(masked(a.name, w) for words in a.values for w in words)
        return f'→ "{value}": {a.reason}' if value else a.reason
    if not a.new or a.new == a.name:
        return a.reason
    new = " ".join((a.new, *(name for name, _ in a.also)))
    return f"→ {new}: {a.reason}"


def _target(target: str, name: str, own: Path | None) -> Path:
    """The file to write, which must be a new one."""
    if not target and own is None:
        raise UsageError("--write without a folder of your own profiles", expected="--write FILE")
    path = Path(target) if target else Path(own or ".") / name
    taken = layer_files(own).get(path.stem)
    if path.exists() or (taken is not None and path.suffix == ".toml"):
        raise UsageError(f"there is a {path.stem} already", where=taken or path,
                         expected="--write FILE with another name")  # fmt: skip
    if path.suffix != ".toml":
        raise UsageError(f"--write {target}", expected="a file that ends in .toml")
    return path


COMMANDS = (upgrade,)
