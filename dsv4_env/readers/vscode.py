"""VS Code's launch.json: the servers that its configurations start in the debugger.

Sources: code.visualstudio.com, "Debugging" (variables, ``envFile``), and the attributes of debugpy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dsv4_env.lang import jsonc
from dsv4_env.lang.yaml import Mapping, Node, Offsets, Scalar
from dsv4_env.model import LaunchConfig, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText, size
from dsv4_env.readers.kind import FileKind

_KIND = "VS Code's launch.json"
_EACH = 8  # steps that a configuration, or one of its words, takes
_FILLED = re.compile(r"\$\{([^}]*)\}")


def read_all(
    data: str | bytes, path: str = "<launch.json>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every configuration that starts a server, in order.

    What VS Code fills in (``${env:NAME}``, ``${workspaceFolder}``) is Unknown. Raises ReadError
    where the file has no configurations.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    try:
        top = jsonc.parse(data, path, _KIND, budget)
        if not isinstance(top, Mapping) or "configurations" not in top.items:
            raise ReadError("no configurations", where=path, expected=_KIND)
        for node in top.sequence("configurations"):
            if isinstance(node, Mapping):
                name = f"{path} {node.text('name') or '?'}"
                found += _Configuration(_on_linux(node), budget).launches(name)
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


@dataclass(slots=True)
class _Configuration:
    node: Mapping
    budget: Budget
    notes: list[Note] = field(default_factory=list)

    def launches(self, name: str) -> list[LaunchConfig]:
        self.budget.step(self.node.location, _EACH)
        words = list(self.words())
        if not embedded.mentions(str(w.value) for w in words):
            return []
        settings = list(self.settings())
        found = embedded.read_words(words, settings, name=name, reader="vscode", budget=self.budget)
        notes = embedded.few(self.notes)
        return [replace(c, notes=(*c.notes, *notes)) for c in found]

    def words(self) -> Iterator[PlacedText]:
        """The command: Python with the module or the program, and its arguments."""
        module, program = self.node.get("module"), self.node.get("program")
        what = module or program
        if not isinstance(what, Scalar):
            return
        for text in ("python3", "-m") if module else ("python3",):
            yield PlacedText(((text, [what.start]),), what.lines)
        # Where it lies is the machine's: a launcher is told by its name.
        yield PlacedText(((what.text, [what.start]),), what.lines)
        args = self.node.get("args")
        if isinstance(args, Scalar):
            word = Unknown(
                args.text, "a shell splits it into words", splits=True, location=args.location
            )
            yield PlacedText(((word, [args.start]),), args.lines)
        for node in self.node.sequence("args"):
            if isinstance(node, Scalar):
                yield self.text(node)
            else:
                self.notes.append(Note("args holds what isn't text", node.location))

    def settings(self) -> Iterator[FileSetting]:
        """The variables, over those that VS Code itself has."""
        file = self.node.get("envFile")
        if isinstance(file, Scalar):
            message = f"the variables of {file.text} aren't known"
            self.notes.append(Note(message, file.location, opens=True))
        env = self.node.mapping("env")
        for name, node in (env.items if env else {}).items():
            assert env is not None
            place = env.keys[name].location
            if isinstance(node, Scalar) and not node.null:
                yield FileSetting(name, self.text(node).value, place, node.spelled)
            else:
                self.notes.append(_without(name, node))

    def text(self, node: Scalar) -> PlacedText:
        """A text with what VS Code fills in."""
        text, offsets = node.text, node.offsets()
        self.budget.step(node.location, _EACH + (len(text) >> 8))
        parts: list[tuple[Value, Offsets]] = []
        last = 0
        for m in _FILLED.finditer(text, 0, text.rfind("}") + 1):
            parts.append((text[last : m.start()], offsets[last : m.start()]))
            kind, _, name = m[1].partition(":")
            names = (name,) if kind == "env" and name else ()
            why = "set outside, where VS Code runs" if names else "VS Code fills it in"
            value = Unknown(m[0], why, names, location=node.location)
            self.budget.make(size(value), node.location)
            parts.append((value, [node.start]))
            last = m.end()
        parts.append((text[last:], offsets[last:]))
        kept = tuple((v, o or [node.start]) for v, o in parts if v != "")
        return PlacedText(kept or (("", [node.start]),), node.lines)


def _on_linux(node: Mapping) -> Mapping:
    """A configuration with what it has of its own for Linux, where servers run."""
    own = node.mapping("linux")
    if own is None:
        return node
    return Mapping(node.items | own.items, node.keys | own.keys, node.start, node.lines)


def _without(name: str, node: Node) -> Note:
    unset = isinstance(node, Scalar)
    what = f"{name} is taken out of the environment" if unset else f"{name} isn't given as text"
    return Note(what, node.location)


KIND = FileKind(
    "vscode",
    "a launch.json",
    read_all,
    summary=_KIND,
    named=r"launch\.json",
    related=True,
    layered=True,
    editable=True,
)
