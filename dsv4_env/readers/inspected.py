"""What ``docker inspect`` prints: the launches of containers, with all that their images set.

Sources: docs.docker.com, Engine API 1.47, "Inspect a container" and "Inspect an image" (``Config``,
``Path``, ``Args``, ``Name``, ``RepoTags``); podman's answer has the same fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dsv4_env.lang import jsonc
from dsv4_env.lang.yaml import Mapping, Node, Scalar, Sequence
from dsv4_env.model import Image, LaunchConfig, Note
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.kind import FileKind

READER = "inspected"
_KIND = "what docker inspect prints"
_EACH = 8  # steps that a container, or one of its variables, takes


def read_all(
    data: str | bytes, path: str = "<inspect>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every launch of a server that the containers make, in order; images are read as well.

    The environment is all of the container's: what its image sets, too. Raises ReadError where the
    data isn't of docker inspect.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    try:
        top = jsonc.parse(data, path, _KIND, budget)
        items = top.items if isinstance(top, Sequence) else [top]
        containers = [i for i in items if isinstance(i, Mapping) and i.mapping("Config")]
        if items and not containers:
            raise ReadError("no containers with a Config", where=path, expected=_KIND)
        for node in containers:
            budget.step(node.location, _EACH)
            found += _launches(node, f"{path} {_name(node)}", budget)
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


def _name(node: Mapping) -> str:
    """What a container is called; of an image its first tag, of anything else its id."""
    if (name := node.text("Name")) is not None:
        return f"container {name.removeprefix('/')}"
    tags = [t.text for t in node.sequence("RepoTags") if isinstance(t, Scalar)]
    return f"image {tags[0]}" if tags else f"container {(node.text('Id') or '?')[:12]}"


def _launches(node: Mapping, name: str, budget: Budget) -> list[LaunchConfig]:
    notes: list[Note] = []
    words = list(_words(node))
    settings = list(_settings(node, notes, budget))
    texts = [str(w.value) for w in words] + [str(s.value) for s in settings]
    if not words or not embedded.mentions(texts):
        return []
    found = embedded.read_words(words, settings, name=name, reader=READER, budget=budget)
    image = _image(node)
    return [
        replace(c, notes=(*c.notes, *embedded.few(notes)), image=c.image or image) for c in found
    ]


def _image(node: Mapping) -> Image:
    """The image of a container by its name, where that isn't just its digest; of an image itself.

    What it sets is in ``Config.Env`` already.
    """
    config = node.mapping("Config")
    names = [config.text("Image") if config is not None else None]
    names += [t.text for t in node.sequence("RepoTags") if isinstance(t, Scalar)]
    return Image(next((n for n in names if n and not n.startswith("sha256:")), None))


def _words(node: Mapping) -> Iterator[PlacedText]:
    """The command: what runs, as ``Path`` and ``Args``; else what the entry point and command say.

    Each is a list, or a text that is one word.
    """
    ran = node.get("Path")
    names = ("Path", "Args") if isinstance(ran, Scalar) and ran.text else ("Entrypoint", "Cmd")
    within = node if names[0] == "Path" else node.mapping("Config")
    for name in names:
        part: Node | None = within.get(name) if within is not None else None
        for word in part.items if isinstance(part, Sequence) else [part]:
            if isinstance(word, Scalar) and not word.null:
                yield PlacedText(((word.text, word.offsets() or [word.start]),), word.lines)


def _settings(node: Mapping, notes: list[Note], budget: Budget) -> Iterator[FileSetting]:
    """The variables of ``Config.Env``: ``NAME=value``, the last of a name counts."""
    for item in node.sequence("Config", "Env"):
        budget.step(item.location, _EACH)
        name, equals, value = (item.text if isinstance(item, Scalar) else "").partition("=")
        if not equals or not name:
            notes.append(Note("an entry of Env that is no NAME=value", item.location))
        else:
            yield FileSetting(name, value, item.location, value)


KIND = FileKind(
    READER,
    "docker inspect's JSON",
    read_all,
    summary="what docker inspect prints of containers",
    related=True,
    document=rb"(?s)\s*(?:\[\s*)?\{(?=.*?\"Config\"\s*:\s*\{)(?=.*?\"(?:Id|RepoTags)\"\s*:)",
    word="container",
)
