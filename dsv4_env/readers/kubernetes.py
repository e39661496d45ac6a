"""Kubernetes manifests: the launches of their containers.

Sources: kubernetes.io, "Define Environment Variables for a Container" and "Define a Command and
Arguments for a Container", "Add ConfigMap data to a Volume"; LeaderWorkerSet 0.7.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dsv4_env.lang import jsonc, yaml as yaml_source
from dsv4_env.lang.yaml import Mapping, Node, Offsets, Scalar
from dsv4_env.model import ENV_NAME, Image, LaunchConfig, Location, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers import config_file, embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText, size
from dsv4_env.readers.kind import YAML, FileKind, is_related

_KIND = "a Kubernetes manifest"
_EACH = 8  # steps that a container, or one of its variables, takes
# Variables that the cluster or a controller sets, so that $(NAME) may be filled in.
_CLUSTER = re.compile(
    r"LWS_\w+|TPU_\w+|JOB_COMPLETION_INDEX|KUBERNETES_\w+|\w+_SERVICE_(?:HOST|PORT\w*)"
    r"|\w+_PORT(?:_\d+_\w+)?"
)
# A list of env at the top, as the env of a container is written for pasting.
_ENV_ALONE = rb"^env:[ \t]*+(?:#.*+)?+\n(?:[ \t]*+(?:#.*+)?+\n)*+[ \t]*+- "
_DOLLAR = re.compile(r"\$\$|\$\(([^)]*)\)")
_DOLLARS = re.compile(r"\$\$")
_SWITCH = re.compile(r"[-+]?\.?\d[\d_.,eE+-]*|0[xob][\da-fA-F_]+|true|false|yes|no|on|off", re.I)


def read_all(
    data: str | bytes, path: str = "<manifest>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every launch of a server that the containers of a manifest make, in order.

    Pods and whatever has a template of pods are read, in any number of documents and lists. What
    comes from secrets, fields and ConfigMaps of other files is Unknown. A manifest without a
    launch gives the variables of its ConfigMaps, a list of ``env`` alone those of a container.
    Where the *budget* ends, launches that were found are kept as partial ones. Raises ReadError
    where the data isn't a manifest.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    try:
        objects = [o for d in _documents(data, path, budget) for o in _objects(d)]
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    manifest = any(o.text("apiVersion") and o.text("kind") for o in objects)
    if not manifest and not any(o.sequence("env") for o in objects):
        raise ReadError("no apiVersion and kind", where=path, expected=_KIND)
    try:
        for config in _launches(objects, path, budget):
            found.append(config)  # noqa: PERF402  # those before the budget's end are kept
        for config in () if found else _variables(objects, path, budget, manifest=manifest):
            found.append(config)  # noqa: PERF402
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


def _documents(data: str | bytes, path: str, budget: Budget) -> list[Node]:
    """The documents of a manifest; what `kubectl get -o json` prints is one, of any length.

    Raises ReadError for a template of Helm's: what it makes depends on values from elsewhere.
    """
    begins = data[:200].lstrip()[:2]
    if begins[:1] in ("{", b"{") and begins not in ("{{", b"{{"):
        return [jsonc.parse(data, path, _KIND, budget)]
    if not (b"{{" in data if isinstance(data, bytes) else "{{" in data):
        return yaml_source.parse(data, path, _KIND, budget)
    text = yaml_source.decode(data, path, _KIND)
    if not (template := _VALUES.search(text)):
        try:
            return yaml_source.parse(data, path, _KIND, budget)
        except ReadError:
            if not (template := _HELM.search(text)):
                raise
    raise ReadError(
        f"a template of Helm: {shortened(template[0], 60)}",
        where=yaml_source.Lines(path, text).place(template.start()),
        expected=f"{_KIND}: render it first, as `helm template` does",
    )


def _variables(
    objects: list[Mapping], path: str, budget: Budget, *, manifest: bool
) -> Iterator[LaunchConfig]:
    """What is there for a container without one: the data of ConfigMaps, a list of ``env``."""
    for one in objects:
        source = _Container(one, {}, None, budget)
        name = path
        if not manifest:
            source.take_env()
        elif one.text("kind") == "ConfigMap":
            source.take_data(one, "")
            name = f"{path} ConfigMap/{one.text('metadata', 'name') or '?'}"
        if any(is_related(s.name.encode(errors="replace")) for s in source.settings):
            env = embedded.settings_env(source.settings, "kubernetes")
            end = max(s.location.line or 1 for s in source.settings)
            notes = embedded.few(dict.fromkeys(source.notes))
            yield LaunchConfig(
                name, "kubernetes", env, None, location=one.location, end_line=end, notes=notes
            )


def _launches(objects: list[Mapping], path: str, budget: Budget) -> Iterator[LaunchConfig]:
    maps = {
        (o.text("metadata", "namespace"), o.text("metadata", "name")): o
        for o in objects
        if o.text("kind") == "ConfigMap"
    }
    for one in objects:
        kind = one.text("kind") or ""
        if kind in ("ConfigMap", "Secret"):
            continue
        name = f"{path} {kind}/{one.text('metadata', 'name') or '?'}"
        namespace = one.text("metadata", "namespace")
        filled = _filled(one)
        for place in _containers(one, "", budget):
            budget.step(place.node.location, _EACH)
            container = _Container(place.node, maps, namespace, budget, place.spec, filled)
            yield from container.launches(f"{name}{place.label}", place.above)


def _filled(one: Mapping) -> dict[str, str] | None:
    """What the placeholders of an object stand for unless told else; None where it has none.

    The controllers of other people's kinds fill in ``{{…}}``: Argo parameters, KServe a name.
    """
    if "." not in (one.text("apiVersion") or "").partition("/")[0]:
        return None
    given = one.sequence("spec", "arguments", "parameters")
    return {
        f"workflow.parameters.{p.text('name')}": p.text("value") or ""
        for p in given
        if isinstance(p, Mapping) and isinstance(p.get("value"), Scalar)
    }


def _objects(node: Node) -> Iterator[Mapping]:
    if isinstance(node, Mapping):
        items = node.get("items")
        if (node.text("kind") or "").endswith("List") and items is not None:
            for item in node.sequence("items"):
                yield from _objects(item)
        else:
            yield node


@dataclass(frozen=True, slots=True)
class _Place:
    """A container, wherever it stands: what is beside it, and what sets variables for it above."""

    label: str
    node: Mapping
    spec: Mapping
    above: tuple[Mapping, ...] = ()


def _containers(node: Node, key: str, budget: Budget) -> list[_Place]:
    """Every container below a node, told by its shape, in order; *key* is what the node is.

    It is an element of ``containers``, or a mapping with a command or arguments: KServe's
    ``model``, OME's ``runner``, Dynamo's ``mainContainer``, Argo's ``container`` and ``script``.
    """
    budget.step(None, 2)
    found: list[_Place] = []
    if isinstance(node, yaml_source.Sequence):
        for item in node.items:
            told = None
            if isinstance(item, Mapping):
                told = item.text("name") or item.text("groupName")
            found += _labelled(_containers(item, "", budget), told)
    if not isinstance(node, Mapping):
        return found
    groups: list[tuple[str | None, list[_Place]]] = []
    for name, value in node.items.items():
        if name in _LISTS and isinstance(value, yaml_source.Sequence):
            places = [
                _Place(f" container {item.text('name') or '?'}", item, node)
                for item in value.items
                if isinstance(item, Mapping)
            ]
            groups.append((None, places))
        elif isinstance(value, Mapping) and _is_container(value):
            groups.append((name, [_Place("", value, node)]))
        elif name not in _NO_LISTS and not _HOOK.fullmatch(name):
            groups.append((name, _containers(value, name, budget)))
    several = sum(bool(places) for shown, places in groups if shown is not None) > 1
    for shown, places in groups:
        own = shown is not None and (
            _ROLE.fullmatch(shown)
            or _ROLES.fullmatch(key)
            or (several and not _PLUMBING.fullmatch(shown))
        )
        found += _labelled(places, shown if own else None)
    if isinstance(node.get("env"), yaml_source.Sequence) or node.sequence("envs"):
        found = [replace(p, above=(node, *p.above)) for p in found]
    return found


def _is_container(node: Mapping) -> bool:
    words = any(isinstance(node.get(k), yaml_source.Sequence) for k in ("command", "args"))
    script = node.get("image") is not None and isinstance(node.get("source"), Scalar)
    return (words or script) and not any(isinstance(node.get(k), _LIST) for k in _LISTS)


def _labelled(places: list[_Place], label: str | None) -> list[_Place]:
    return [replace(p, label=f" {label}{p.label}") for p in places] if label else places


_LIST = yaml_source.Sequence
_LISTS = ("initContainers", "containers")
_NO_LISTS = ("ephemeralContainers", "metadata", "status")
_HOOK = re.compile(r"\w*[pP]robe|lifecycle|exec")
_ROLE = re.compile(
    r"leaderTemplate|workerTemplate|predictor|model|transformer|runner|engine|decoder|leader|worker"
    r"|prefill|decode|headGroupSpec|script"
)
_ROLES = re.compile(r"services|components|roles|\w*ReplicaSpecs|executors")
_PLUMBING = re.compile(r"spec|\w*[tT]emplate|\w*PodSpec|mainContainer|templates|workerGroupSpecs")
# Whatever a controller fills in, as Argo's ``{{inputs.parameters.tp}}`` and KServe's ``{{.Name}}``.
_FILLED = re.compile(r"\{\{-?[ \t]*([=.$\w][^{}\n]*+)\}\}")
_HELM = re.compile(
    r"\{\{-?\s*(?:[.$]*(?:Values|Release|Chart|Files|Capabilities)\b|(?:include|template|if|range|with"
    r"|define|toYaml|end|else)\b)[^{}\n]*\}*"
)
_VALUES = re.compile(r"\{\{-?[^{}\n]*[\s.$(](?:Values|Release|Chart)\.\w[^{}\n]*\}*")


@dataclass(slots=True)
class _Container:
    node: Mapping
    maps: dict[tuple[str | None, str | None], Mapping]
    namespace: str | None
    budget: Budget
    spec: Mapping | None = None  # of the pod
    filled: dict[str, str] | None = None  # what placeholders stand for, None where there are none
    settings: list[FileSetting] = field(default_factory=list)
    known: dict[str, Value] = field(default_factory=dict)  # the settings by name
    notes: list[Note] = field(default_factory=list)
    open: bool = False  # it has variables that aren't known

    def launches(self, name: str, above: tuple[Mapping, ...] = ()) -> list[LaunchConfig]:
        for source in self.node.sequence("envFrom"):
            if isinstance(source, Mapping):
                self.take_all(source)
        for outer in above:  # what stands further in wins
            for item in (*outer.sequence("envs"), *outer.sequence("env")):
                if isinstance(item, Mapping):
                    self.take(item)
        self.take_env()
        command, args = self.words("command"), self.words("args")
        words = [*command, *args]
        script = self.source(words)
        if script is None and (mounted := self.mounted(words)) is not None:
            script = PlacedText(((mounted.text, mounted.offsets()),), mounted.lines)
        texts = [str(v) for v in (*(w.value for w in words), *(s.value for s in self.settings))]
        if not embedded.mentions([*texts, str(script.value) if script else ""]):
            return []
        if not command and args:
            message = "run through the entry point of the image, if it has one"
            self.notes.append(Note(message, args[0].location))
        found = embedded.read_words(
            words, self.settings, name=name, reader="kubernetes", budget=self.budget, file=script
        )
        notes = embedded.few(dict.fromkeys(self.notes))
        given = self.node.text("image")
        image = Image(given) if given else None
        found = [replace(c, notes=(*c.notes, *notes), image=c.image or image) for c in found]
        return [self.configured(c) for c in found]

    def configured(self, config: LaunchConfig) -> LaunchConfig:
        """The launch with the arguments of its ``--config`` file, where a ConfigMap here has it."""
        given = [a for a in config.args or () if a.flag == "--config" and len(a.values) == 1]
        name = given[0].values[0] if len(given) == 1 and not given[0].joined else None
        text = self.mounted_file(name) if isinstance(name, str) else None
        if text is None or not str(name).lower().endswith((".yaml", ".yml")):
            return config  # with_config_file says what that is
        inner = yaml_source.Lines("", text.text)

        def placed(at: Location | None) -> Location | None:
            if at is None or at.line is None or not text.text:
                return text.location
            start = inner.starts[min(at.line, len(inner.starts)) - 1] + (at.column or 1) - 1
            offsets = text.offsets()
            return text.lines.place(offsets[min(start, len(offsets) - 1)])

        try:
            args = list(config_file.arguments(text.text, "", self.budget))
        except ReadError as exc:
            raise ReadError(
                f"{name} of a ConfigMap: {exc.found}", where=text.location, expected=exc.expected
            ) from None
        own = [a for a in config.args or () if a is not given[0]]
        below = [
            replace(
                a,
                origin=replace(a.origin, location=placed(a.origin.location)),
                condition=given[0].condition,
            )
            for a in args
        ]
        return replace(config, args=(*below, *own))

    def take_all(self, source: Mapping) -> None:
        """``envFrom``: every key of a ConfigMap or a Secret."""
        prefix = source.text("prefix") or ""
        ref = source.text("configMapRef", "name")
        found = self.maps.get((self.namespace, ref)) if ref else None
        if found is None:
            which = f"ConfigMap {ref}" if ref else f"Secret {source.text('secretRef', 'name')}"
            self.notes.append(
                Note(f"the variables of {which} aren't known", source.location, opens=True)
            )
            self.open = True
            return
        self.take_data(found, prefix)

    def take_data(self, source: Mapping, prefix: str) -> None:
        """Every key of a ConfigMap."""
        data = source.mapping("data")
        for key, value in (data.items if data else {}).items():
            if data and isinstance(value, Scalar):
                place, name = data.keys[key].location, f"{prefix}{key}"
                self.budget.step(source.location, _EACH)
                if ENV_NAME.fullmatch(name):
                    self.check(value)
                    self.set(FileSetting(name, value.text, place, value.spelled))
                else:
                    self.notes.append(Note(f"{name} is no name of a variable", place))

    def mounted(self, words: list[PlacedText]) -> Scalar | None:
        """The script that the words run, where that is a key of a ConfigMap of this file."""
        file = embedded.script_file(words)
        return None if file is None else self.mounted_file(file)

    def mounted_file(self, file: str) -> Scalar | None:
        """The text of a mounted file, where that is a key of a ConfigMap of this file."""
        if not file.startswith("/") or self.spec is None:
            return None
        listed = self.spec.sequence("volumes")
        self.budget.step(self.spec.location, len(listed))
        volumes = {v.text("name"): v for v in listed if isinstance(v, Mapping)}
        for mount in self.node.sequence("volumeMounts"):
            self.budget.step(mount.location, _EACH)
            path = mount.text("mountPath") if isinstance(mount, Mapping) else None
            if path is None or not isinstance(mount, Mapping):
                continue
            volume, within = volumes.get(mount.text("name")), mount.text("subPath")
            if within is None:
                within = posixpath.relpath(file, path)
            elif posixpath.normpath(path) != posixpath.normpath(file):
                continue
            if volume is None:
                continue
            found = self.maps.get((self.namespace, volume.text("configMap", "name")))
            items = volume.sequence("configMap", "items")
            self.budget.step(mount.location, _EACH * len(items))
            keys = {
                i.text("path"): i.text("key") or "" for i in items if isinstance(i, Mapping)
            } or {within: within}
            script = found.get("data", keys.get(within, "")) if found else None
            if isinstance(script, Scalar):
                return script
        return None

    def take_env(self) -> None:
        """Every entry of ``env``."""
        for item in self.node.sequence("env"):
            if isinstance(item, Mapping):
                self.take(item)

    def take(self, item: Mapping) -> None:
        """One entry of ``env``."""
        self.budget.step(item.location, _EACH)
        name = item.get("name")
        if not isinstance(name, Scalar) or not name.text:
            self.notes.append(Note("a variable without a name", item.location))
            return
        value, source = item.get("value"), item.mapping("valueFrom")
        if source is not None:
            known, spelled = self.sourced(source)
        elif isinstance(value, Scalar) and not value.null:
            self.check(value)
            known, spelled = self.expand(value).value, value.spelled
        elif value is None or isinstance(value, Scalar):
            known, spelled = "", ""
        else:
            self.notes.append(Note(f"{name.text} isn't given as text", value.location))
            return
        self.set(FileSetting(name.text, known, name.location, spelled))

    def set(self, setting: FileSetting) -> None:
        """One variable more."""
        self.settings.append(setting)
        self.known[setting.name] = setting.value

    def sourced(self, source: Mapping) -> tuple[Value, str]:
        """``valueFrom``: known only where a ConfigMap of this file has the key."""
        for kind, what in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            ref = source.mapping(kind)
            if ref is None:
                continue
            name, key = ref.text("name"), ref.text("key")
            known = self.maps.get((self.namespace, name)) if what == "ConfigMap" else None
            value = known.get("data", key or "") if known else None
            if isinstance(value, Scalar):
                self.check(value)
                return value.text, value.spelled
            text = f"{what} {name}, key {key}"
            return Unknown(text, f"a key of a {what}", location=source.location), text
        for kind, what in (("fieldRef", "fieldPath"), ("resourceFieldRef", "resource")):
            if (path := source.text(kind, what)) is not None:
                why = "a field of the running pod"
                return Unknown(f"{kind} {path}", why, location=source.location), path
        text = ", ".join(source.items) or "valueFrom"
        return Unknown(text, "a source that isn't known", location=source.location), text

    def words(self, name: str) -> list[PlacedText]:
        found: list[PlacedText] = []
        for node in self.node.sequence(name):
            if isinstance(node, Scalar):
                self.check(node)
                found.append(self.expand(node))
            else:
                self.notes.append(Note(f"{name} holds what isn't text", node.location))
        return found

    def check(self, node: Scalar) -> None:
        if node.plain and (node.null or _SWITCH.fullmatch(node.text)):
            message = f"Kubernetes refuses {node.text or 'nothing'} without quotes: it isn't text"
            self.notes.append(Note(message, node.location))

    def expand(self, node: Scalar) -> PlacedText:
        """``$(NAME)`` filled in with what is set before; ``$$`` is a ``$``."""
        known = self.known
        text, offsets = node.text, node.offsets()
        self.budget.step(node.location, 1 + (len(text) >> 8))
        parts: list[tuple[Value, Offsets]] = []
        last = 0
        closed = text.rfind(")") + 1  # behind it no reference ends, so none is looked for
        found = [*_DOLLAR.finditer(text, 0, closed), *_DOLLARS.finditer(text, closed)]
        if self.filled is not None and "{{" in text:
            found = sorted([*found, *_FILLED.finditer(text)], key=lambda m: m.start())
        for m in found:
            if m.start() < last:
                continue  # within another one
            parts.append((text[last : m.start()], offsets[last : m.start()]))
            value: Value = "$"
            if m[0].startswith("{"):
                value = self.placeholder(m, node)
            elif m[0] != "$$":
                value = self.reference(m[0], m[1], known, node)
            self.budget.step(node.location, 2)
            self.budget.make(size(value), node.location)
            parts.append((value, [offsets[m.start()]]))
            last = m.end()
        parts.append((text[last:], offsets[last:]))
        kept = tuple((v, o or [node.start]) for v, o in parts if v != "")
        return PlacedText(kept or (("", [node.start]),), node.lines)

    def placeholder(self, found: re.Match[str], node: Scalar) -> Value:
        """``{{…}}``: known only to the controller, but for what the object gives itself."""
        place = node.lines.place(node.offsets()[found.start()])
        name = found[1].removesuffix("-").rstrip(" \t")
        default = (self.filled or {}).get(name)
        why = "a placeholder that the controller fills in"
        return Unknown(found[0], why, default=default, location=place)

    def source(self, words: list[PlacedText]) -> PlacedText | None:
        """The text of Argo's ``script``, which its command, a shell, is given as a file."""
        node = self.node.get("source")
        texts = [str(w.value) for w in words]
        if not isinstance(node, Scalar) or embedded.shell_options(texts) is None:
            return None
        words.append(PlacedText((("script", [node.start]),), node.lines))
        parts: list[tuple[Value, Offsets]] = []
        text, offsets, last = node.text, node.offsets(), 0
        for m in _FILLED.finditer(text) if self.filled is not None else ():
            self.budget.step(node.location, 2)
            parts.append((text[last : m.start()], offsets[last : m.start()]))
            parts.append((self.placeholder(m, node), [offsets[m.start()]]))
            last = m.end()
        parts.append((text[last:], offsets[last:]))
        return PlacedText(tuple((v, o) for v, o in parts if v != ""), node.lines)

    def reference(self, text: str, name: str, known: dict[str, Value], node: Scalar) -> Value:
        if name in known:
            return known[name]
        if not ENV_NAME.fullmatch(name):
            return text
        if self.open or _CLUSTER.fullmatch(name):
            why = "set by the cluster, or by what isn't in the file"
            return Unknown(text, why, (name,), location=node.location)
        if name.isupper():
            message = f"no variable {name} is set before, so {text} stays as it is"
            self.notes.append(Note(message, node.location))
        return text


KIND = FileKind(
    "kubernetes",
    "a manifest",
    read_all,
    summary="a Kubernetes manifest",
    among=YAML,
    content=(
        rb"^[ \t]*+(?:- )?[\"']?apiVersion[\"']?\s*:|" + _ENV_ALONE,
        rb"^[ \t]*+(?:- )?[\"']?kind[\"']?\s*:|" + _ENV_ALONE,
    ),
    related=True,
    layered=True,
    document=rb"(?s)\s*\{(?=.*?\"apiVersion\"\s*:)(?=.*?\"kind\"\s*:)",
    editable=True,
)
