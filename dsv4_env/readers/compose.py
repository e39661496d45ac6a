"""Docker Compose files: the launches of their services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsv4_env.guard.files import is_within, looked_at, read_bytes, real
from dsv4_env.lang import yaml as yaml_source
from dsv4_env.lang.yaml import Mapping as YamlMapping
from dsv4_env.lang.yaml import Node, Scalar, Sequence
from dsv4_env.model import ENV_NAME, LaunchConfig, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers import compose_text, dotenv, embedded
from dsv4_env.readers.shell_text import Setting, Text, join

_KIND = "a Docker Compose file"
_EACH = 8  # steps that a service, or one of its variables, takes
MAX_EXTENDS = 100  # services that extend each other


def read_all(
    data: str | bytes,
    path: str = "<compose>",
    *,
    inputs: Mapping[str, str] | None = None,
    root: Path | None = None,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """Every launch of a server that the services of a Compose file make, in order.

    *inputs* are variables known from outside (``.env`` among them), *root* is the folder that
    ``env_file`` must lie below: the file's own, where there is such a file. Where the *budget*
    ends, launches that were found are kept as partial ones. Raises ReadError where the data isn't
    a Compose file.
    """
    budget = budget or Budget()
    documents = yaml_source.parse(data, path, _KIND, budget)
    top = documents[0] if documents else None
    services = top.mapping("services") if isinstance(top, YamlMapping) else None
    if services is None:
        raise ReadError("no services", where=path, expected=_KIND)
    if root is None and Path(path).is_file():
        root = real(path).parent
    found: list[LaunchConfig] = []
    try:
        for name, node in services.items.items():
            if isinstance(node, YamlMapping):
                budget.step(node.location, _EACH)
                service = _Service(inputs or {}, root, path, budget)
                service.take(services, name, ())
                found += service.launches(f"{path} service {name}")
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


@dataclass(slots=True)
class _Service:
    """A service while what it extends and what it says itself is put together."""

    inputs: Mapping[str, str]
    root: Path | None
    path: str
    budget: Budget
    files: list[Setting] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    entrypoint: Node | None = None
    command: Node | None = None
    notes: list[Note] = field(default_factory=list)

    def take(self, services: YamlMapping, name: str, chain: tuple[str, ...]) -> None:
        node = services.items[name]
        if not isinstance(node, YamlMapping):
            return
        if name in chain:
            raise ReadError(
                f"{' extends '.join((*chain, name))}", where=node.location, expected="no circle"
            )
        if len(chain) >= MAX_EXTENDS:
            raise ReadError(
                f"a chain of more than {MAX_EXTENDS} services that extend each other",
                where=node.location,
                expected="a shorter one",
            )
        if (extends := node.get("extends")) is not None:
            self.extend(services, extends, (*chain, name))
        self.files += self.env_files(node.get("env_file"))
        self.settings += self.environment(node.get("environment"))
        if (entrypoint := node.get("entrypoint")) is not None and not _null(entrypoint):
            self.entrypoint = entrypoint
        if (command := node.get("command")) is not None and not _null(command):
            self.command = command

    def extend(self, services: YamlMapping, node: Node, chain: tuple[str, ...]) -> None:
        file = node.text("file") if isinstance(node, YamlMapping) else None
        name = node.text if isinstance(node, Scalar) else None
        if isinstance(node, YamlMapping):
            name = node.text("service")
        if file is not None and Path(file).name != Path(self.path).name:
            self.notes.append(Note(f"what {file} gives it isn't known", node.location, opens=True))
        elif name in services.items:
            self.take(services, str(name), chain)
        else:
            self.notes.append(Note(f"it extends {name}, which isn't here", node.location))

    def environment(self, node: Node | None) -> list[Setting]:
        found: list[Setting] = []
        if isinstance(node, YamlMapping):
            for name, value in node.items.items():
                place = node.keys[name].location
                self.budget.step(place, _EACH)
                if not isinstance(value, Scalar):
                    self.notes.append(Note(f"{name} isn't given as text", place))
                elif value.null:
                    found.append(Setting(name, self.outside(name, value), place, value.text))
                else:
                    known = compose_text.environment_value(value, self.inputs, self.budget)
                    found.append(Setting(name, known, place, value.spelled))
        for item in node.items if isinstance(node, Sequence) else []:
            if isinstance(item, Scalar):
                found += self.item(item)
        return found

    def item(self, item: Scalar) -> list[Setting]:
        """``NAME=value``, or ``NAME`` that is passed on."""
        self.budget.step(item.location, _EACH)
        text = compose_text.interpolate(item, self.inputs, self.budget)
        first = text.parts[0][0]
        name, equals, rest = first.partition("=") if isinstance(first, str) else ("", "", "")
        if not name or (not equals and len(text.parts) > 1):
            self.notes.append(
                Note(f"what `{shortened(item.text)}` sets isn't known", item.location, opens=True)
            )
            return []
        if not equals:
            return [Setting(name, self.outside(name, item), item.location, item.text)]
        value = join([rest, *(v for v, _ in text.parts[1:])])
        return [Setting(name, value, item.location, item.text.partition("=")[2])]

    def outside(self, name: str, node: Scalar) -> Value:
        if name in self.inputs:
            return self.inputs[name]
        reason = "passed on from outside, where it's set there"
        return Unknown(f"${{{name}}}", reason, (name,), location=node.location)

    def env_files(self, node: Node | None) -> list[Setting]:
        found: list[Setting] = []
        nodes = node.items if isinstance(node, Sequence) else [] if node is None else [node]
        for item in nodes:
            file = item.get("path") if isinstance(item, YamlMapping) else item
            raw = isinstance(item, YamlMapping) and item.text("format") == "raw"
            if not isinstance(file, Scalar):
                continue
            name = compose_text.interpolate(file, self.inputs, self.budget).value
            settings = self.env_file(name, raw=raw) if isinstance(name, str) else None
            if settings is None:
                message = f"the variables of {file.text} aren't known"
                self.notes.append(Note(message, file.location, opens=True))
            found += settings or []
        return found

    def env_file(self, name: str, *, raw: bool) -> list[Setting] | None:
        if self.root is None:
            return None
        try:
            file = real(self.root / name)
            if not is_within(file, self.root):
                return None
            looked_at(file)
            data = read_bytes(file, root=self.root)
        except (ReadError, OSError, ValueError):
            return None
        shown = str(Path(self.path).parent / name)
        dialect: dotenv.Dialect = "docker" if raw else "dotenv"
        config = dotenv.read_all(data, shown, dialect=dialect, budget=self.budget)[0]
        found: list[Setting] = []
        message = f"Compose reads this line of {name} in its own way"
        self.notes += [Note(message, n.location, n.opens) for n in config.notes]
        for e in config.env:
            spelled = e.origin.value or ""
            value = e.value
            if not raw and isinstance(value, str) and set(spelled) & set("$\\#\n"):
                reason = "Compose reads such a line of an env file in its own way"
                value = Unknown(spelled, reason, location=e.location)
            if e.location is not None and ENV_NAME.fullmatch(e.name):
                found.append(Setting(e.name, value, e.location, spelled))
        return found

    def launches(self, name: str) -> list[LaunchConfig]:
        entry, given = self.words(self.entrypoint), self.words(self.command)
        if entry is None or given is None:
            return []
        command = [*entry, *given]
        settings = [*self.files, *self.settings]
        if not embedded.mentions([str(v) for v in self.values(command)]):
            return []
        notes = list(self.notes)
        if not entry and command:
            message = "run through the entry point of the image, if it has one"
            notes.append(Note(message, command[0].location))
        found = embedded.read_words(
            command, settings, name=name, reader="compose", budget=self.budget
        )
        return [replace(c, notes=(*c.notes, *notes)) for c in found]

    def values(self, command: list[Text]) -> list[Value]:
        return [*(w.value for w in command), *(s.value for s in self.files + self.settings)]

    def words(self, node: Node | None) -> list[Text] | None:
        """A command as words, None where it can't be known."""
        if isinstance(node, Scalar):
            text = compose_text.interpolate(node, self.inputs, self.budget)
            return compose_text.split(text, self.notes, self.budget)
        if isinstance(node, Sequence):
            items = [n for n in node.items if isinstance(n, Scalar)]
            if len(items) < len(node.items):
                return None
            return [compose_text.interpolate(n, self.inputs, self.budget) for n in items]
        return []


def _null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.null
