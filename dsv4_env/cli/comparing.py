"""How launches are compared, and as which release of SGLang reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dsv4_env.catalogue import TREE, Catalogue, load, named_by, nearest
from dsv4_env.catalogue.store import RELEASES, shipped
from dsv4_env.catalogue.tree import Trees, find
from dsv4_env.cli.complete import CompletionItems, starting
from dsv4_env.cli.options import F, collected
from dsv4_env.cli.output import tell
from dsv4_env.cli.settings import settings
from dsv4_env.cli.wanted import remembered
from dsv4_env.compare.normalise import LOCAL
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import UsageError, did_you_mean
from dsv4_env.model.style import plain
from dsv4_env.plan.platforms import PLATFORMS, platform


def catalogue_for(
    release: str | None,
    ranges: Collection[str | None],
    root: Path | None = None,
    *,
    tree: bool = True,
) -> Catalogue:
    """The catalogue of the release that is asked for, else the newest one within *ranges*.

    Within a checkout of SGLang (*root*, else the current folder) its own is used instead of the
    ranges, where *tree* says so. Without ranges, or where no known release lies in one of them, it
    is the newest of all. What isn't known as it is asked for is told on standard error.
    """
    wanted = release or settings().sglang
    found, note = _trees().chosen(wanted, ranges, _places(root), tree=tree)
    if note:
        _tell_once(f"dsv4-env: note: {note}")
    return found


def launch_catalogue(
    config: LaunchConfig, release: str | None, usual: Catalogue | None = None
) -> Catalogue:
    """The catalogue for a file's launch: where no release is asked for, that of its image.

    *usual* is what else counts, where it's known; otherwise it is that of :func:`catalogue_for`.
    """
    own = None if release or settings().sglang else named_by(config.image_name)
    if own is None:
        return usual or catalogue_for(release, [])
    _tell_once(f"dsv4-env: note: {own[1]}")
    return load(own[0])


def known_release(release: str | None) -> str | None:
    """The known release that stands for the asked one; where it is another one, that is told.

    It is ``tree`` for the tree's own SGLang, which counts where none is asked for; None where
    there is neither.
    """
    if release is not None:
        return load_release(release).release
    if find(Path.cwd()) is None:
        return None
    own = catalogue_for(None, [])  # which tells why it isn't the tree's
    return TREE if own.release == TREE else None


def load_release(release: str) -> Catalogue:
    """The catalogue of a release, or of the one that stands for it, which is told."""
    if release == TREE:
        return _trees().asked(_places(None))
    known, note = nearest(release)
    if note:
        tell(f"dsv4-env: note: {note}")
    return load(known)


def _places(root: Path | None) -> list[Path]:
    """The folders that say whether a command runs within a checkout of SGLang."""
    return [*([root] if root is not None else []), Path.cwd()]


def _trees() -> Trees:
    """The trees of this command, each of which is read once."""
    context = click.get_current_context(silent=True)
    found: Trees = Trees() if context is None else context.meta.setdefault(__name__, Trees())
    return found


def _tell_once(note: str) -> None:
    context = click.get_current_context(silent=True)
    told: set[str] = context.meta.setdefault(f"{__name__}.told", set()) if context else set()
    if note not in told:
        told.add(note)
        tell(plain(note))


# What a shell is offered


def offered_releases(_ctx: click.Context, _: click.Parameter, incomplete: str) -> CompletionItems:
    """Releases of SGLang, newest first; within a checkout of it also the tree's own."""
    offered = [*reversed(RELEASES), *([TREE] if find(Path.cwd()) else [])]
    return [CompletionItem(r) for r in offered if r.startswith(incomplete)]


def offered_variables(_ctx: click.Context, _: click.Parameter, incomplete: str) -> CompletionItems:
    """Variables that some release of SGLang knows, or flags where a dash is typed."""
    return starting(_known(incomplete), incomplete)


def _known(incomplete: str) -> set[str]:
    if incomplete.startswith("-"):
        return {option for release in RELEASES for option in load(release).option_strings()}
    return {name for release in RELEASES for kind, name in shipped(release) if kind == "V"}


FLAGS = {"ignore_unknown_options": True}  # an operand may be a flag of the server


class Named(click.Command):
    """A command whose operand may be a flag of the server, which is offered with its options."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> CompletionItems:
        """Its options, and the flags that begin so."""
        own = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            return own
        return own + starting(_known(incomplete) - {i.value for i in own}, incomplete)


# Options


@dataclass(frozen=True, slots=True)
class Comparing:
    """What of two launches is compared, and how.

    *ignore* are patterns of names to leave out, *compare* names to put back, *sglang* is the
    release whose reading counts; with *exact* only the spelling does.
    """

    ignore: tuple[str, ...]
    compare: tuple[str, ...]
    sglang: str | None
    exact: bool
    show_equivalent: bool = False

    def catalogue(
        self,
        release: str | None,
        ranges: Collection[str | None],
        root: Path | None = None,
        *,
        tree: bool = True,
    ) -> Catalogue | None:
        """As :func:`catalogue_for`; None where the spelling counts."""
        return None if self.exact else catalogue_for(release, ranges, root, tree=tree)


def _left_out(_ctx: click.Context, _: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, where each is one that is left out by default. Raises UsageError."""
    known = {n.lstrip("-") for pair in LOCAL.items() for n in pair}
    for name in names:
        if name.lstrip("-") not in known:
            raise UsageError(
                f"--compare {name}: it isn't left out, or nothing has this name",
                expected="host, port or model-path",
                hint=did_you_mean(name.lstrip("-").replace("_", "-"), known),
            )
    return names


sglang_option = click.option(
    "--sglang",
    metavar="RELEASE|tree",
    callback=remembered("sglang"),
    shell_complete=offered_releases,
    help="The SGLang release whose reading counts, or an image of it; tree: that of the checkout "
    "of SGLang around the current folder. Default: that of a file's own image; tree in such a "
    "checkout; else the newest known one that the profile is meant for.",
)


def on_option(default: str) -> Callable[[F], F]:
    """``--on PLATFORM``, which arrives as the platform; *default* says what holds without it."""

    return click.option(
        "--on",
        metavar="PLATFORM",
        callback=remembered("on", platform),
        shell_complete=offered_platforms,
        help=f"The hardware: {', '.join(PLATFORMS)}. {default}",
    )


def offered_platforms(_ctx: click.Context, _: click.Parameter, incomplete: str) -> CompletionItems:
    """Names of platforms."""
    return [CompletionItem(n) for n in PLATFORMS if n.startswith(incomplete)]


_selection = (
    click.option(
        "--ignore",
        multiple=True,
        metavar="PATTERN",
        help="Leave out variables and flags of this name (shell pattern).",
    ),
    click.option(
        "--compare",
        multiple=True,
        metavar="NAME",
        callback=_left_out,
        help="Compare a setting that is left out by default: host, port or model-path.",
    ),
    sglang_option,
)
_equivalent = click.option(
    "--show-equivalent",
    is_flag=True,
    help="Show settings that are spelled differently and mean the same, with the reason.",
)
_exact = click.option(
    "--exact", is_flag=True, help="Compare the spelling alone, whatever SGLang makes of it."
)

comparing_options: Callable[[F], F] = collected("comparing", Comparing, *_selection, _exact)
"""The options that say what is compared; they arrive as one ``comparing``."""

reading_options: Callable[[F], F] = collected(
    "comparing", Comparing, *_selection, _equivalent, _exact
)
"""The same, with the option that shows what is spelled differently and means the same."""
