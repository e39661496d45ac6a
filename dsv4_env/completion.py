"""What a shell is offered for a word, without click, whose import takes ten times as long.

``cli/completion.txt`` says which words a command takes; it is made of click's own commands, and a
test holds it to them, and what is said here to what click says. What isn't plain is left to click.
A line of it is the command, what the line is about, how it is used and what completes it.
"""

from __future__ import annotations

import os

TABLE = "completion.txt"
SHELLS = ("bash", "zsh", "fish")
OPTIONS = FLAG, ONCE, MANY = "flag", "once", "many"  # a flag; an option with a value; several times
OPERANDS = ONE, ALL, REST = "one", "all", "rest"  # a word; words; words and whatever is behind them
COMMAND = "command"
Item = tuple[str, str, str]  # what a shell is offered: plain, file or dir; the word; its help
_UNPLAIN = frozenset("'\"\\=\t\r\n")


def answer() -> bytes | None:
    """The answer to the question that a shell has put in the environment; None: click knows it."""
    shell = os.environ["_DSV4_ENV_COMPLETE"].removeprefix("dsv4").removesuffix("_complete")
    line = os.environ.get("COMP_LINE", "")
    if shell not in SHELLS or not line.isascii() or not _UNPLAIN.isdisjoint(line):
        return None
    first, *words = line.split(" ")
    items = _offered([w for w in words[:-1] if w], words[-1]) if first and words else None
    if items is None:
        return None
    text = "\n".join(formatted(shell, item, words[-1]) for item in items) + "\n"
    return text.encode() if text.isascii() else None


def formatted(shell: str, item: Item, incomplete: str) -> str:
    """One item as the script of a shell reads it; help is for zsh and fish."""
    kind, word, about = item[0], item[1], " ".join(item[2].split())
    if shell == "bash":  # which cuts words at = and :, and gets what follows the cut
        cut = os.environ.get("COMP_WORD", "")
        before = incomplete if cut in ("=", ":") else incomplete.removesuffix(cut)
        return f"{kind},{word.removeprefix(before)}"
    if shell == "fish":
        return f"{kind},{word}" + (f"\t{about}" if about else "")
    word = word.replace(":", r"\:") if about else word  # as zsh's _describe wants it
    return f"{kind}\n{word}\n{about or '_'}"


def _offered(args: list[str], incomplete: str) -> list[Item] | None:
    """What fits behind these words."""
    rows = _rows(args[0] if args else "")
    if not rows or (incomplete and not incomplete[0].isalnum() and incomplete[0] not in "-./~_"):
        return None
    options = {name: row for row in rows for name in row[0].split() if row[1] in OPTIONS}
    used: set[str] = set()
    count, asked = 0, None
    for word in args[1:]:
        if asked is not None and not word.startswith("-"):
            asked = None
        elif asked is None and word in options:
            row = options[word]
            used.add(row[0] if row[1] != MANY else "")
            asked = None if row[1] == FLAG else row
        elif word.startswith("-"):
            return None
        else:
            count += 1
    if incomplete.startswith("-"):
        if asked is not None:
            return None
        return [
            ("plain", name, row[3])
            for row in rows
            if row[1] in OPTIONS and row[0] not in used
            for name in row[0].split()
            if name.startswith(incomplete)
        ]
    if asked is None:
        operands = [row for row in rows if row[1] in OPERANDS]
        if any(row[1] == REST for row in operands[:count]):
            return None
        asked = next((r for i, r in enumerate(operands) if r[1] == ALL or i >= count), None)
    if args and asked is None:
        return []
    if asked is None:
        return [
            ("plain", r[0], r[3]) for r in rows if r[1] == COMMAND and r[0].startswith(incomplete)
        ]
    if "--profiles" in used:
        return None
    return _completed(*asked[2].split(), incomplete=incomplete)


def _completed(how: str, *choices: str, incomplete: str) -> list[Item] | None:
    if how == "choice":
        return [("plain", c, "") for c in choices if c.startswith(incomplete)]
    if how in ("files", "folders"):
        return [("dir" if how == "folders" else "file", incomplete, "")]
    if how in ("profiles", "operands"):
        from pathlib import Path

        from dsv4_env.project import profiles_folder

        try:
            names = sorted(layers(profiles_folder(Path.cwd(), os.environ))[0])
        except ValueError:
            return None
        items = [("plain", name, "") for name in names if name.startswith(incomplete)]
        return items + ([("file", incomplete, "")] if how == "operands" else [])
    return [] if how == "nothing" else None


def layers(own: os.PathLike[str] | None) -> tuple[set[str], set[str]]:
    """The names of profiles, and of layers that are none, by the files' names and their lock."""
    import json
    from pathlib import Path

    from dsv4_env.errors import Dsv4Error
    from dsv4_env.profile import layer_bytes, layer_files, shipped_dir
    from dsv4_env.profile.lock import lock_path

    try:
        names = set(layer_files(Path(own) if own else None))
    except (Dsv4Error, OSError):
        own, names = None, set(layer_files())
    abstract: set[str] = set()
    for folder in ([Path(own)] if own else []) + [shipped_dir()]:
        try:
            locked = json.loads(layer_bytes(lock_path(folder)))["profiles"]
            abstract |= {x for p in locked.values() for x in p["layers"] if x not in locked}
        except (Dsv4Error, ValueError, LookupError, TypeError, AttributeError):
            continue  # without a lock every layer may be a profile
    return names - abstract, names & abstract


def _rows(command: str) -> list[list[str]]:
    """What the table says about a command's words; of no command, about those of the tool."""
    folder = os.path.dirname(__file__)  # noqa: PTH120  # pathlib takes as long as all the rest
    path = os.path.join(folder, "cli", TABLE)  # noqa: PTH118
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        start = f"{command}\t"
        return [x.rstrip("\n").split("\t")[1:] for x in file if x.startswith(start)]
