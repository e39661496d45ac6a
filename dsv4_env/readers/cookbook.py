"""SGLang's cookbook: the cells of a deployment panel's configuration, each a launch.

A configuration is one literal of JavaScript; the panel makes a command of the cell that a reader of
the page picks. What that reader fills in (``{{HOST_IP}}``) is a placeholder.

Source: ``renderCommand`` of docs/src/snippets/_deployment.jsx in sgl-project/sglang, 2026-08.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dsv4_env.lang import javascript
from dsv4_env.lang.yaml import Mapping, Node, Scalar, Sequence as List
from dsv4_env.model import Image, LaunchConfig, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import PlacedText
from dsv4_env.readers.kind import FileKind

_KIND = "a configuration of SGLang's cookbook"
_EACH = 40  # steps that a cell takes, beside what the reading of its command does
_FILLED = re.compile(r"\{\{(\w+)\}\}")
_NODES = re.compile(r"multi-(\d+)")
_BEFORE_NODES = ("--enable-dp-attention", "--dp", "--tp-size", "--tp")
_PORT = 20000  # where the nodes meet
_IMAGES = ("hw", "quant", "strategy")


def read_all(
    data: str | bytes, path: str = "<configuration>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every cell's launch, in order, called after what the cell is for.

    Raises ReadError where the data exports no configuration with cells.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    problems: list[ReadError] = []
    try:
        configurations = [
            c
            for c in javascript.exported(data, path, _KIND, budget).values()
            if isinstance(c, Mapping) and isinstance(c.get("cells"), List)
        ]
        if not configurations:
            raise ReadError("no cells", where=path, expected=_KIND)
        for configuration in configurations:
            for node in configuration.sequence("cells"):
                try:
                    found += _launches(node, configuration, path, budget)
                except BudgetError:
                    raise
                except ReadError as exc:
                    problems.append(exc)
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return embedded.with_unread(found, problems, path, ": this cell isn't read")


def _launches(node: Node, configuration: Mapping, path: str, budget: Budget) -> list[LaunchConfig]:
    if isinstance(node, Mapping):
        return _Cell(node, configuration, path, budget).launches()
    raise ReadError("a cell that isn't written out", where=node.location, expected=_KIND)


@dataclass(slots=True)
class _Cell:
    """One cell; *parts* is its command, as it is made."""

    node: Mapping
    configuration: Mapping
    path: str
    budget: Budget
    parts: list[tuple[Value, list[int] | range]] = field(default_factory=list)

    def launches(self) -> list[LaunchConfig]:
        """What the panel's command launches; nothing of a cell that only points elsewhere."""
        self.budget.step(self.node.location, _EACH)
        redirects = self.node.get("redirect")
        if isinstance(redirects, Scalar) and redirects.text == "true":
            return []
        if "flags" not in self.node.items:
            return []
        for node in self.items("env"):
            self.add(node)
        self.write("sglang serve ", self.node)
        for flag in self.flags():
            self.add(flag)
        script = PlacedText(tuple(self.parts), self.node.lines, whole=True)
        match = self.node.mapping("match")
        name = " ".join(
            [self.path, *(v.text for v in (match.items if match else {}).values()
                          if isinstance(v, Scalar))]
        )  # fmt: skip
        found = embedded.read_script(script, (), name=name, reader="cookbook", budget=self.budget)
        image, notes = self.image(), tuple(self.notes())
        return [
            replace(
                c, location=self.node.location, image=c.image or image, notes=(*c.notes, *notes)
            )
            for c in found
        ]

    def items(self, key: str) -> list[Node]:
        """The items of a list; what isn't one, by itself."""
        node = self.node.get(key)
        return node.items if isinstance(node, List) else [node] if node is not None else []

    def chosen(self, name: str) -> str:
        """What the cell is for, in one respect; empty where it doesn't say."""
        return self.node.text("match", name) or ""

    def flags(self) -> Iterator[Node | tuple[str, Node]]:
        """The flags, with those that the panel adds for more nodes than one."""
        flags = self.items("flags")
        count, place = self.nodes()
        if count < 2 or place is None:
            yield from flags
            return
        names = [re.split(r"[\s=]", f.text)[0] if isinstance(f, Scalar) else "" for f in flags]
        behind = next((names.index(n) for n in _BEFORE_NODES if n in names), None)
        if behind is None:
            starts = (i for i, n in enumerate(names) if n.startswith("--model-path"))
            behind = next(starts, -1)
        yield from flags[: behind + 1]
        yield f"--nnodes {count}", place
        yield "--node-rank {{NODE_RANK}}", place
        yield f"--dist-init-addr {{{{NODE0_IP}}}}:{_PORT}", place
        yield from flags[behind + 1 :]

    def nodes(self) -> tuple[int, Node | None]:
        """How many nodes there are, and where that is said."""
        place = self.node.get("match", "nodes")
        if isinstance(place, Scalar):
            m = _NODES.fullmatch(place.text)
            return (int(m[1]) if m and len(m[1]) < 5 else 1), place
        place = self.node.get("nnodes")
        if isinstance(place, Scalar) and re.fullmatch(r"\d{1,4}", place.text):
            return int(place.text), place
        return 1, None

    def write(self, text: str, at: Node) -> None:
        """Add a text of the panel's own."""
        self.parts.append((text, [at.start]))

    def add(self, what: Node | tuple[str, Node]) -> None:
        """Add a text of the cell, with its placeholders."""
        if isinstance(what, tuple):
            text, node = what
            offsets: list[int] | range = [node.start] * len(text)
        else:
            node = what
            if not isinstance(node, Scalar) or node.style == javascript.CODE:
                start, stop = node.start, getattr(node, "end", node.start + 1)
                shown = node.lines.text[start:stop]
                value = Unknown(shown, "JavaScript makes it", splits=True, location=node.location)
                self.parts.append((value, [start]))
                self.write(" ", node)
                return
            text, offsets = node.text, list(node.offsets())
        last = 0
        for m in _FILLED.finditer(text):
            self.part(text[last : m.start()], offsets[last : m.start()])
            known = self.model() if m[1] == "MODEL_NAME" else None
            at = offsets[m.start()]
            if known:
                self.part(known, [at] * len(known))
            else:
                place = node.lines.place(at)
                self.parts.append((Unknown(m[0], self.reason(m[1]), location=place), [at]))
            last = m.end()
        self.part(text[last:], offsets[last:])
        self.write(" ", node)

    def part(self, text: str, offsets: list[int] | range) -> None:
        """Add a text, where there is any."""
        if text:
            self.budget.make(len(text))
            self.parts.append((text, offsets))

    def reason(self, name: str) -> str:
        """Why a placeholder isn't known, and what the page shows until it's filled in."""
        default = self.configuration.text("placeholders", name, "default")
        return f"a placeholder, shown as {default}" if default else "a placeholder"

    def model(self) -> str | None:
        """The model, by the most specific of its names."""
        hw, variant, quant = map(self.chosen, ("hw", "variant", "quant"))
        names = (
            f"{hw}|{variant}|{quant}", f"{variant}|{quant}", f"{hw}|{quant}", quant, hw, "default"
        )  # fmt: skip
        found = (self.configuration.text("modelNames", n) for n in names if n.strip("|"))
        return next((f for f in found if f), None)

    def image(self) -> Image | None:
        """The image that the panel's `docker run` names, None where none is configured."""
        chosen = [self.chosen(n) for n in _IMAGES]
        names = ("|".join(chosen[:n]) for n in (3, 2, 1))
        found = (self.configuration.text("dockerImages", n) for n in names)
        return next((Image(f) for f in found if f), None)

    def notes(self) -> Iterator[Note]:
        """What else the panel may add."""
        node = self.configuration.get("overlayDims")
        if node is not None:
            yield Note("options of the page may change its flags", node.location, opens=True)


KIND = FileKind(
    "cookbook",
    "a configuration of the cookbook",
    read_all,
    summary=_KIND,
    among=r"[^/]+\.jsx",
    content=(
        rb"[{\s,][\"']?cells[\"']?[ \t]*:[ \t]*\[",
        rb"[{\s,][\"']?match[\"']?[ \t]*:",
        rb"[{\s,][\"']?flags[\"']?[ \t]*:",
    ),
    hit=lambda data: b"flags" in data,
    related=True,
    editable=True,
)
