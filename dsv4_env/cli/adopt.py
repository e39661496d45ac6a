"""``adopt``."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsv4_env.catalogue import TREE
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.catalogue.tree import find, load_tree
from dsv4_env.cli import complete
from dsv4_env.cli.comparing import offered_releases, on_option
from dsv4_env.cli.holding import foretelling
from dsv4_env.cli.names import Operand, split_operand
from dsv4_env.cli.operands import meant_launches
from dsv4_env.cli.options import collected, color_option
from dsv4_env.cli.output import line_width, table, tell, write
from dsv4_env.cli.settings import pyproject, settings
from dsv4_env.cli.wanted import remembered
from dsv4_env.drift.foretold import Foretold, of_launch
from dsv4_env.drift.pairs import keys, with_pairs
from dsv4_env.guard.files import checkout, is_within, read_bytes, read_named, real
from dsv4_env.lang.yaml import decode
from dsv4_env.model import LaunchConfig, Location, shipped_dir
from dsv4_env.model.errors import ReadError, UsageError
from dsv4_env.model.secrets import masked, scrubbed
from dsv4_env.model.style import count, plain
from dsv4_env.plan.platforms import PLATFORMS, Platform
from dsv4_env.profile import layer_files, load_wanted
from dsv4_env.readers import EXPECTED, HowRead, detect, read, titles
from dsv4_env.reporters.json import json_text
from dsv4_env.reporters.unified import unified
from dsv4_env.writeback.files import FileChange, write_changes

if TYPE_CHECKING:
    from dsv4_env.adopt.planning import Adoption, Source
    from dsv4_env.adopt.proposal import Rewritten
    from dsv4_env.adopt.remarks import Gone
    from dsv4_env.adopt.workflows import LegLine
    from dsv4_env.profile.settings import Settings


_LAYERS = "profiles"  # where layers are shown, as long as nobody says where they go
_EACH = 4  # files that are named one by one


@dataclass(frozen=True, slots=True)
class Adopting:
    """What is made of the launches, and how much of that is written."""

    over: str | None
    from_nothing: bool
    prefix: str | None
    rewrite: bool
    verify: Path | None
    write_: bool
    force: bool
    as_json: bool


@click.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, shell_complete=complete.offered_files
)
@click.option(
    "--profiles",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where layers of your own go; made where it isn't there. Default: the setting.",
)
@collected(
    "adopting",
    Adopting,
    click.option(
        "--over",
        metavar="NAME",
        shell_complete=complete.offered_profiles,
        help="What all of them extend: a profile, or a layer below some. Default: of the profiles "
        "that there are the nearest.",
    ),
    click.option("--from-nothing", is_flag=True, help="Extend nothing that ships."),
    click.option("--prefix", metavar="WORD", help="What the names of new layers begin with."),
    click.option("--rewrite", is_flag=True, help="Put the tests onto the profiles, too."),
    click.option(
        "--verify",
        metavar="PYTHON",
        type=click.Path(path_type=Path),
        help="Run setUpClass of each test before and after in this interpreter, which has "
        "dsv4-env, with stand-ins for SGLang, and compare what is launched. Runs the tests' code.",
    ),
    click.option("--write", "write_", is_flag=True, help="Write what is shown."),
    click.option(
        "--force", is_flag=True, help="Write files that have changes which aren't committed."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print what is done as JSON."),
)
@click.option(
    "--sglang",
    metavar="RELEASE",
    callback=remembered("sglang"),
    shell_complete=offered_releases,
    help="The release that the launches are written for. Default: the setting, else the newest on "
    "which all of them start as they are; where that isn't the newest of all, the tests and the "
    "settings name it.",
)
@on_option("Default: what the tests' suites, else their paths say.")
@color_option
def adopt(
    files: tuple[str, ...],
    folder: Path | None,
    adopting: Adopting,
    sglang: str | None,
    on: Platform | None,
    color: bool,
) -> int:
    """Take the launches of tests and scripts over into profiles.

    What a profile that ships has already is taken from there; what several launches have in common
    otherwise becomes one layer. Model, timeout, registration and thresholds of a test come along,
    variables that the outside may override stay so. What no profile can hold is listed. Pairs in
    pyproject.toml then hold the files to the profiles (`dsv4-env check`); --rewrite makes the tests
    take their launches from there, each proved to launch what it launched before. Nothing is
    written without --write.

    \b
    Exit codes: 0 nothing (more) to do, 1 there is something to write, or `check` will fail for
    what is left as it is, 2 wrong usage, a file that can't be read, or a test that would launch
    otherwise.

    \b
    Examples:
      dsv4-env adopt test/registered/amd/test_deepseek_v4_*.py
      dsv4-env adopt test/registered/amd/test_deepseek_v4_*.py --rewrite --write
      dsv4-env adopt tests/test_*.py --profiles launch --from-nothing --write
    """
    from dsv4_env.adopt.planning import Wish, adopt as adopted, hardware_of
    from dsv4_env.adopt.proposal import newest_starting  # pydantic
    from dsv4_env.profile.schema import LAYER_NAME

    if adopting.over and adopting.from_nothing:
        raise UsageError("--over and --from-nothing", expected="one of the two")
    if adopting.prefix is not None and not LAYER_NAME.fullmatch(adopting.prefix):
        expected = "a word of letters, digits, '.', '_' and '-'"
        raise UsageError(f"--prefix {adopting.prefix}", expected=expected)
    if adopting.verify is not None and not adopting.rewrite:
        raise UsageError("--verify without --rewrite", expected="both: it compares rewritten tests")
    found = settings()
    target = found.source or pyproject()
    root = target.parent
    own = _own_folder(folder, found, root)
    sources, texts, already = _sources(files, root, found, own)
    if already:
        title, profile = already[0]
        more = f", and {count(len(already) - 1, 'more does', 'more do')}" if already[1:] else ""
        tell(f"dsv4-env: note: {plain(title)} takes its launch from {profile} already{more}")
    if not sources:
        if not adopting.as_json:
            write("nothing to adopt\n")
        return 0
    name = on.name if on is not None else hardware_of(sources)
    release = sglang or found.sglang
    refused: Sequence[tuple[str, Any, str]] = ()
    tree = find(root) if release in (None, TREE) else None
    if tree is not None and (base := load_tree(tree).base) in RELEASES:
        release = base
    elif release is None or release == TREE:
        place = PLATFORMS.get(name or "")
        release, refused = newest_starting([s.launch for s in sources], place)
    wish = Wish(
        own or root / _LAYERS, release, adopting.over, adopting.from_nothing, name, adopting.prefix
    )
    result = adopted(sources, wish)
    result.pinned = found.sglang is None and release != RELEASES[-1]
    if result.layers and own is None and adopting.write_:
        raise UsageError(
            f"{count(len(result.layers), 'layer', 'layers')} of your own, and no folder for them",
            expected=f"--profiles DIR, such as --profiles {_LAYERS}",
        )
    return _proposed(result, texts, refused, _Place(root, target, own, found), adopting, color)


def _own_folder(folder: Path | None, found: Settings, root: Path) -> Path | None:
    """Where the project's own layers are, or go. Raises UsageError where nobody would find them."""
    if folder is None:
        return found.profiles
    if found.profiles is not None:
        if real(folder) != real(found.profiles):
            there = os.path.relpath(found.profiles)
            raise UsageError(
                f"--profiles {folder}: by its settings the project's layers are in {there}",
                expected="that folder, or no --profiles",
            )
    elif not is_within(folder, checkout(root / "pyproject.toml") or root):
        raise UsageError(
            f"--profiles {folder} isn't in the project, whose tests are to find it",
            expected=f"a folder within {root}",
        )
    return folder


@dataclass(frozen=True, slots=True)
class _Place:
    """Where things are: the project's folder and settings, and the folder of its layers."""

    root: Path
    target: Path
    own: Path | None
    settings: Settings


def _sources(
    files: Sequence[str], root: Path, found: Settings, own: Path | None
) -> tuple[list[Source], dict[str, str], list[tuple[str, str]]]:
    """The launches that the operands name, the texts of their files, and what is adopted already.

    Raises ReadError where a file has no launch, or lies outside of the project.
    """
    from dsv4_env.adopt.planning import Source  # pydantic

    sources: list[Source] = []
    texts: dict[str, str] = {}
    already: list[tuple[str, str]] = []
    for text in files:
        operand = split_operand(text)
        if operand.path == "-":
            raise UsageError("standard input can't be held to a profile", expected="files")
        path = Path(os.path.abspath(operand.path))  # noqa: PTH100  # as text: links stay
        if path.is_dir():
            raise UsageError(
                "it is a folder", where=operand.path, expected=f"files, such as {text}/test_*.py"
            )
        if not path.is_relative_to(root):
            raise UsageError(
                f"it isn't below {root}, whose pyproject.toml is to hold it",
                where=operand.path,
                expected="a file of the project; run it from the project's folder",
            )
        shown = path.relative_to(root).as_posix()
        if shown in texts:
            continue
        data = read_named(operand.path, expected=EXPECTED)
        texts[shown] = data.decode("utf-8", "surrogateescape")
        for number, launch in _chosen(operand, data, root, found, own):
            taken = next((n.profile for n in launch.notes if n.profile), "")
            if taken:
                already.append((launch.name, taken))
            else:
                sources.append(Source(shown, number, launch))
    return sources, texts, already


def _chosen(
    operand: Operand, data: bytes, root: Path, found: Settings, own: Path | None
) -> list[tuple[int, LaunchConfig]]:
    """The launches of a file that an operand names, with their numbers."""
    folder = own if own is not None and own.is_dir() else None
    how = HowRead(
        detect(str(Path(operand.path).absolute()), data) or "bash",
        root=root,
        profiles=folder,
        sglang=found.sglang,
    )
    launches = read(data, operand.path, how)
    if operand.chosen:
        kept = meant_launches(operand, launches)
    else:
        kept = [c for c in launches if c.launched]
    if not kept:
        expected = (
            "python3 -m sglang.launch_server …, sglang serve … or popen_launch_server(…) in it"
        )
        raise ReadError("no launch of a server", where=operand.name, expected=expected)
    numbered = enumerate(zip(titles(launches, operand.path), launches, strict=True), 1)
    return [
        (i, replace(launch, name=title))
        for i, (title, launch) in numbered
        if any(launch is c for c in kept)
    ]


def _proposed(
    result: Adoption,
    texts: Mapping[str, str],
    refused: Sequence[tuple[str, Any, str]],
    place: _Place,
    adopting: Adopting,
    color: bool,
) -> int:
    """Show what there is to write, and write it where that is asked for."""
    from dsv4_env.adopt.proposal import new_pairs, rewrite  # pydantic
    from dsv4_env.adopt.workflows import leg_lines

    given = place.own is not None
    own = place.own or (place.root / _LAYERS if result.layers else None)
    place = replace(place, own=own)
    pairs = new_pairs(result, place.settings.pairs)
    rewritten = None
    if adopting.rewrite:
        rewritten = rewrite(result, place.root, own, texts, adopting.verify)
        for one in rewritten.wrong[1:]:
            tell(f"dsv4-env: note: {plain(one)}")
        if rewritten.wrong:
            raise ReadError(
                f"run, it launches otherwise, so that nothing is written: {rewritten.wrong[0]}",
                expected="the same launch before and after; the others can be adopted without it",
            )
    gone = _carried(result, rewritten, texts, place) if rewritten is not None else None
    legs = leg_lines(result, place.root)
    failing = _failing(result, texts, place)
    changes = _changes(result, pairs, rewritten, place)
    shown = "".join(_diff(change, color) for change in changes if not adopting.write_)
    if failing:  # before anything is written
        many = count(len({f.file for f in failing}), "file", "files")
        tell(f"dsv4-env: note: `check` will fail for {many}, for what is left as it is")
    if adopting.write_ and changes:
        _save(changes, result, place, adopting)
    homeless = result.layers and not given and not adopting.write_
    if adopting.as_json:
        write(_json(result, pairs, rewritten, legs, failing, place))
    else:
        text = _overview(result, _notes(result, refused, rewritten, gone), rewritten, legs, failing)
        write(text + ("\n" + shown if shown else "\n"))
        lines = sum(_lines(d.decode()) for d in result.texts().values())
        told = f"{count(len(result.layers), 'new layer', 'new layers')} ({lines} lines of TOML), "
        told += count(len(pairs), "new pair", "new pairs")
        if rewritten is not None:
            told += f", {_files(rewritten.texts)} rewritten"
            less, more = _stat(rewritten)
            told += f" (-{less} +{more} lines)" if rewritten.texts else ""
        write(f"{told}\n")
    if homeless:
        tell(
            "dsv4-env: note: --write asks for --profiles DIR, the folder for new layers "
            f"(shown here: {_LAYERS})"
        )
    written = [plain(os.path.relpath(c.path)) for c in changes] if adopting.write_ else []
    if len(written) > _EACH:  # all of them are told of above
        written = [f"{written[0]} and {len(written) - 1} more files"]
    for name in written:
        tell(f"dsv4-env: wrote {name}")
    return 1 if failing or (changes and not adopting.write_) else 0


def _files(paths: Collection[Path]) -> str:
    """How many tests and scripts some files are: "2 tests and 1 script"."""
    tests = sum(p.suffix == ".py" for p in paths)
    scripts = len(paths) - tests
    told = [count(tests, "test", "tests")] if tests or not scripts else []
    return " and ".join([*told, *([count(scripts, "script", "scripts")] if scripts else [])])


def _failing(result: Adoption, texts: Mapping[str, str], place: _Place) -> list[Foretold]:
    """What `check` will report of launches as they are left, which are what they were before."""
    from dsv4_env.adopt.proposal import one_pair, with_new_layers  # pydantic

    found = []
    named = result.sglang if result.pinned or place.settings.sglang else None
    with with_new_layers(result, place.own) if place.own else nullcontext(None) as folder:
        run = foretelling(replace(place.settings, folder=place.root), folder, named)
        for adopted in result.adopted:
            source = adopted.source
            told = of_launch(
                run, one_pair(adopted), source.launch, place.root / source.path, texts[source.path]
            )
            found += [told] if told.findings else []
    return found


def _changes(
    result: Adoption, pairs: Sequence[Any], rewritten: Rewritten | None, place: _Place
) -> list[FileChange]:
    found: list[FileChange] = []
    if result.layers:
        assert place.own is not None
        schema = "profile.schema.json"
        there = schema if (place.own / schema).is_file() else None
        found += [
            FileChange(place.own / f"{name}.toml", None, data)
            for name, data in result.texts(there).items()
        ]
    said: dict[str, str] = {}
    if place.settings.profiles is None and place.own is not None and _takes_own(result, place.own):
        said["profiles"] = Path(os.path.relpath(place.own, place.root)).as_posix()
    if result.pinned:
        said["sglang"] = result.sglang
    if pairs or (said and (result.layers or rewritten)):
        path = place.target
        old = read_bytes(path) if path.exists() else None
        shown = os.path.relpath(path)
        text = decode(old, shown, "a TOML file") if old is not None else ""
        new = with_pairs(text, pairs, shown, said).encode()
        found.append(FileChange(path, old, new))
    for path, (before, after) in (rewritten.texts if rewritten else {}).items():
        old, new = (t.encode("utf-8", "surrogateescape") for t in (before, after))
        found.append(FileChange(path, old, new))
    return [c for c in found if c.old != c.new]


def _takes_own(result: Adoption, own: Path) -> bool:
    """Whether a launch takes a layer of the project's own, new or there already."""
    there = layer_files(own if own.is_dir() else None)
    mine = {name for name, path in there.items() if path.parent != shipped_dir()} | {*result.layers}
    return any(not mine.isdisjoint(a.composition.profile.layers) for a in result.adopted)


def _diff(change: FileChange, color: bool) -> str:
    old, new = ((d or b"").decode("utf-8", "replace") for d in (change.old, change.new))
    label = "new" if change.old is None else None
    return unified(os.path.relpath(change.path), old, new, color=color, label=label)


def _save(
    changes: Sequence[FileChange], result: Adoption, place: _Place, adopting: Adopting
) -> None:
    """Write all of it or nothing, and look whether it is what was meant."""
    from dsv4_env.adopt.carried import held_by  # pydantic

    made = [place.own] if place.own is not None and not place.own.is_dir() else []
    for folder in made if result.layers else ():
        folder.mkdir(parents=True)

    def verify() -> str | None:
        for adopted in result.adopted:
            wanted = replace(adopted.composition.wanted, sglang=result.sglang)
            own = place.own if place.own is not None and place.own.is_dir() else None
            profile = load_wanted(str(adopted.composition.spec), own, wanted)
            meant, there = held_by(adopted.composition.profile), held_by(profile)
            if meant.settings != there.settings:
                wrong = meant.otherwise(there) or there.otherwise(meant)
                return f"{profile.name}: {wrong[0][1]}"
        return None

    try:
        write_changes(changes, verify, force=adopting.force)
    except BaseException:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def _overview(
    result: Adoption,
    notes: Sequence[str],
    rewritten: Rewritten | None,
    legs: Sequence[LegLine],
    failing: Sequence[Foretold],
) -> str:
    """What becomes of each launch, the tree of new layers, and what is left out."""
    known = result.compositions
    assert known is not None
    rows = [(str(a.composition), a.source.label) for a in result.adopted]
    text = table([tuple(map(plain, row)) for row in rows], line_width())
    if result.layers:
        text += "\nnew layers\n" + _tree(result)
    if result.left:
        text += "\nleft as they are, for no profile can hold them\n"
        text += table(
            [
                (
                    f"  {plain(str(left.location or source.label))}",
                    plain(left.name),
                    plain(scrubbed(left.why)),
                )
                for source, left in result.left
            ],
            line_width(),
        )
    if failing:
        text += "\n`check` will fail for these, until they are mended or excused (a waiver)\n"
        rows = [(f"  {f.location or one.file}", f.text) for one in failing for f in one.findings]
        text += table([tuple(map(plain, row)) for row in dict.fromkeys(rows)], line_width())
    if legs:
        text += (
            "\nset by workflows (`dsv4-env plan PROFILE --set NAME=VALUE` says what that makes)\n"
        )
        text += table([_leg(line) for line in legs], line_width())
    if rewritten is not None and rewritten.alone:
        text += "\nnot rewritten\n"
        text += "".join(
            f"  {plain(str(w))}: {plain(scrubbed(why))}\n" for w, why in rewritten.alone
        )
    for note in notes:
        text += f"note: {plain(note)}\n"
    return text


def _leg(line: LegLine) -> tuple[str, str, str]:
    value = line.value if isinstance(line.value, str) else f"<{line.value.text}>"
    given = f"{line.name}={masked(line.name, value)}"
    return f"  {plain(str(line.location))}", plain(given), plain(line.told)


def _notes(
    result: Adoption,
    refused: Sequence[tuple[str, Any, str]],
    rewritten: Rewritten | None,
    gone: Gone | None,
) -> list[str]:
    found: list[str] = []
    if refused:
        release, launch, why = refused[-1]
        many = len({id(config) for _, config, _ in refused})
        some = f"{many} of {len(result.adopted)}"
        if release == result.sglang:
            found.append(
                "no known release starts all of the launches: they are taken as written for SGLang "
                f"{release}, which refuses {some} ({launch.name}: {why})"
            )
        else:
            found.append(
                f"the launches are taken as written for SGLang {result.sglang}, the newest on "
                f"which all of them start: newer ones refuse {some} "
                f"({release}: {launch.name}: {why}); `dsv4-env upgrade` says what a newer one needs"
            )
    elif result.pinned:
        found.append(f"the launches are taken as written for SGLang {result.sglang}")
    for comments, why in (
        (gone.shipped, "on settings of layers that ship") if gone else ([], ""),
        (gone.alone, "on no setting of a new layer") if gone else ([], ""),
    ):
        if comments:
            found.append(
                f"{count(len(comments), 'comment goes', 'comments go')} with what is taken out "
                f"({why}): " + "; ".join(comments[:_EACH]) + (" …" if comments[_EACH:] else "")
            )
    asides: dict[str, list[Location | None]] = {}
    for aside in rewritten.asides if rewritten is not None else ():
        asides.setdefault(aside.message, []).append(aside.location)
    for message, places in asides.items():
        first = places[0] and os.path.relpath(str(places[0]))
        more = f" and {count(len(places) - 1, 'more', 'more')}" if places[1:] else ""
        found.append(f"{message} ({first}{more})" if first else message)
    return found


def _tree(result: Adoption) -> str:
    """New layers below what they extend, and what takes them."""
    lines: list[str] = []

    def visit(name: str, depth: int) -> None:
        layer = result.layers[name]
        what = f" ({layer.kind})" if layer.kind else ""
        lines.append(f"  {'  ' * depth}{name}{what}")
        for other in result.layers.values():
            if other.extends and other.extends[-1] == name:
                visit(other.name, depth + 1)

    for layer in result.layers.values():
        if not any(parent in result.layers for parent in layer.extends):
            visit(layer.name, 0)
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> int:
    """The lines of a TOML file that say something."""
    return sum(bool(line.strip()) and not line.startswith("#") for line in text.splitlines())


def _carried(
    result: Adoption, rewritten: Rewritten, texts: Mapping[str, str], place: _Place
) -> Gone:
    """Put comments that rewritten files have no more into new layers; what goes all the same."""
    from dsv4_env.adopt.remarks import carry, lost  # pydantic

    gone = {
        path.relative_to(place.root).as_posix(): lost(old, new)
        for path, (old, new) in rewritten.texts.items()
    }
    return carry(result, gone, texts)


def _stat(rewritten: Rewritten) -> tuple[int, int]:
    """How many lines go, and how many come."""
    less = more = 0
    for old, new in rewritten.texts.values():
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""):
            less += line.startswith("-") and not line.startswith("---")
            more += line.startswith("+") and not line.startswith("+++")
    return less, more


def _json(
    result: Adoption,
    pairs: Sequence[Any],
    rewritten: Rewritten | None,
    legs: Sequence[LegLine],
    failing: Sequence[Foretold],
    place: _Place,
) -> str:
    alone = rewritten.alone if rewritten else []
    return json_text(
        {
            "version": 1,
            "release": result.sglang,
            "launches": [
                {
                    "path": a.source.path,
                    "number": a.source.number,
                    "name": a.source.launch.symbol,
                    "profile": a.composition.name,
                    "strategy": a.composition.wanted.strategy,
                    "nodes": a.composition.wanted.nodes,
                    "role": a.composition.wanted.role,
                }
                for a in result.adopted
            ],
            "layers": {name: data.decode() for name, data in result.texts().items()},
            "pairs": [keys(p) for p in pairs],
            "left": [
                {
                    "path": s.path,
                    "name": x.name,
                    "why": scrubbed(x.why),
                    "line": x.location and x.location.line,
                }
                for s, x in result.left
            ],
            "failing": [
                {
                    "path": one.file,
                    "profile": one.pair.profile,
                    "line": f.location and f.location.line,
                    "rule": f.rule.id,
                    "name": f.subject,
                    "message": f.text,
                }
                for one in failing
                for f in one.findings
            ],
            "legs": [
                {
                    "path": x.location.path,
                    "line": x.location.line,
                    "name": x.name,
                    "value": masked(x.name, x.value) if isinstance(x.value, str) else None,
                    "effect": x.effect.value,
                    "profiles": list(x.profiles),
                }
                for x in legs
            ],
            "rewritten": [os.path.relpath(p, place.root) for p in rewritten.texts]
            if rewritten
            else [],
            "not_rewritten": [
                {"path": w.path, "line": w.line, "column": w.column, "why": scrubbed(why)}
                for w, why in alone
            ],
        }
    )


COMMANDS = (adopt,)
