"""ATOM's catalogues: SGLang with ATOM's models as its plugin, one launch for each entry.

An entry has a model, words of the server's command and variables; ``templates`` have what several
entries share. The rest is the launcher's: it starts ``sglang.launch_server``.

Source: ROCm/ATOM at ffdf3bb5, .github/scripts/atom_sglang_test.sh and what
.github/workflows/atom-sglang-benchmark.yaml makes of the templates.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dsv4_env.lang import jsonc
from dsv4_env.lang.yaml import Mapping, Node, Scalar, Sequence
from dsv4_env.model import ENV_NAME, LaunchConfig, Note, Unknown, Value, overridable
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.kind import FileKind

_KIND = "a catalogue of ATOM's"
_READER = "atom"
_EACH = 8  # steps that a word or a variable takes
_PLUGIN = "atom.plugin.sglang.models"
# What the launcher exports where the entry doesn't.
_DEFAULTS = {
    "AITER_QUICK_REDUCE_QUANTIZATION": "INT4",
    "SGLANG_AITER_FP8_PREFILL_ATTN": "0",
    "SGLANG_USE_AITER": "1",
    "ATOM_ENABLE_DS_QKNORM_QUANT_FUSION": "1",
    "SGLANG_EXTERNAL_MODEL_PACKAGE": _PLUGIN,
    "TORCHINDUCTOR_COMPILE_THREADS": "128",
}
_ARGS = "SGLANG_DEFAULT_SERVER_ARGS"
# And the words that it gives where neither the entry nor anybody else says which.
_WORDS = (
    "--trust-remote-code --kv-cache-dtype fp8_e4m3 --mem-fraction-static 0.8 --page-size 1"
    " --disable-radix-cache"
)
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.S)
_NAMES = ("display", "model_name")


def read_all(
    data: str | bytes, path: str = "<catalogue>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """The launch of each entry, called as the entry is.

    Raises ReadError where the data is no catalogue, and where the launcher stops on an entry.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    try:
        top = jsonc.parse(data, path, _KIND, budget)
        entries: Node | None = top.get("models") if isinstance(top, Mapping) else top
        if not isinstance(entries, Sequence):
            raise ReadError("no list of models", where=top.location, expected=_KIND)
        templates = top.get("templates") if isinstance(top, Mapping) else None
        seen: dict[str, int] = {}
        for node in entries.items:
            if isinstance(node, Mapping):
                config = _Entry(node, templates, path, budget).launch()
                seen[config.name] = count = seen.get(config.name, 0) + 1
                again = f" ({count})" if count > 1 else ""
                found.append(replace(config, name=config.name + again))
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


@dataclass(slots=True)
class _Entry:
    """An entry of the catalogue."""

    node: Mapping
    templates: Node | None
    path: str
    budget: Budget
    notes: list[Note] = field(default_factory=list)

    def launch(self) -> LaunchConfig:
        """What the launcher makes of the entry."""
        variables = list(self.variables())
        words = list(self.words({s.name: s.value for s in variables}))
        set_already = {s.name for s in variables}
        place = self.node.location
        own = [
            FileSetting(n, overridable(n, v, place), place, v)
            for n, v in _DEFAULTS.items()
            if n not in set_already
        ]
        named = next((t for k in _NAMES if (t := self.node.text(k))), None)
        name = " ".join(filter(None, (self.path, named)))
        (config,) = embedded.read_words(
            words, [*own, *variables], name=name, reader=_READER, budget=self.budget
        )
        notes = embedded.few((*config.notes, *self.notes))
        return replace(config, location=place, notes=notes)

    def given(self, *keys: str) -> Iterator[Scalar]:
        """The texts of an entry, with those of the templates that it names."""
        node = next((n for k in keys if (n := self.node.get(k)) is not None), None)
        table = "env_vars" if "env_vars" in keys else "extra_args"
        for part in node.items if isinstance(node, Sequence) else [node]:
            if part is None:
                continue
            self.budget.step(part.location, _EACH)
            if not isinstance(part, Scalar):
                self.notes.append(Note("a part that is no text", part.location))
                continue
            template = None
            if isinstance(self.templates, Mapping):
                template = self.templates.get(table, part.text)
            chosen = template if template is not None else part
            if isinstance(chosen, Scalar):
                yield chosen

    # The variables

    def variables(self) -> Iterator[FileSetting]:
        """What the entry exports, line for line."""
        for node in self.given("env_vars"):
            start, offsets = 0, node.offsets()
            for line in node.text.split("\n"):
                self.budget.step(None, _EACH)
                at, start = start, start + len(line) + 1
                name, equals, value = line.partition("=")
                if not line:
                    continue
                place = node.lines.place(offsets[at])
                if not equals or not ENV_NAME.fullmatch(name):
                    said = f"{shortened(line, 60)} sets no variable"
                    self.notes.append(Note(said, place))
                    continue
                known: Value = value
                if "\\" in value:
                    known = Unknown(
                        value, "the launcher's printf reads what stands behind \\", location=place
                    )
                yield FileSetting(name, known, place, value)

    # The command

    def words(self, variables: dict[str, Value]) -> Iterator[PlacedText]:
        """The launcher's command, word for word."""
        yield from self.plain("python3 -m sglang.launch_server --model-path")
        model = next((n for k in ("path", "model_path") if (n := self.node.get(k))), None)
        if not isinstance(model, Scalar) or not model.text:
            raise ReadError("a model without its path", where=self.node.location, expected=_KIND)
        value: Value = model.text
        if not model.text.startswith("/"):
            why = "a copy on the runner counts where there is one"
            value = Unknown(model.text, why, location=model.location)
        yield PlacedText(((value, [model.start]),), model.lines)
        for flag, name, otherwise in (
            ("--host", "SGLANG_HOST", "127.0.0.1"),
            ("--port", "SGLANG_PORT", "8000"),
        ):
            yield from self.plain(flag)
            chosen = variables.get(name) or overridable(name, otherwise, self.node.location)
            yield PlacedText(((chosen, [self.node.start]),), self.node.lines)
        default = variables.get(_ARGS, _WORDS)
        if isinstance(default, Unknown):
            yield PlacedText(((replace(default, splits=True), [self.node.start]),), self.node.lines)
        else:
            yield from self.plain(default)
        for node in self.given("extra_args", "extraArgs"):
            yield from self.split(node)

    def plain(self, text: str) -> Iterator[PlacedText]:
        """Words of the launcher's own."""
        for word in text.split():
            self.budget.step(None, _EACH)
            yield PlacedText(((word, [self.node.start]),), self.node.lines)

    def split(self, node: Scalar) -> Iterator[PlacedText]:
        """The words of a text, as Python's shlex takes it apart."""
        try:
            expected = shlex.split(node.text)
        except ValueError:
            raise ReadError(
                "a quote that isn't closed", where=node.location,
                expected="words: the launcher stops here",
            ) from None  # fmt: skip
        offsets = node.offsets()
        places = [m.start() for m in _WORD.finditer(node.text)]
        if len(places) != len(expected):
            places = [0] * len(expected)
        for word, at in zip(expected, places, strict=True):
            self.budget.step(None, _EACH)
            yield PlacedText(((word, [offsets[at]]),), node.lines)


KIND = FileKind(
    _READER,
    _KIND,
    read_all,
    summary="a catalogue of ATOM's with SGLang's launches",
    among=r"[^/]*models[^/]*\.json",
    content=(rb"\"(?:extra_args|extraArgs)\"\s*:", rb"\batom\.plugin\.sglang\b"),
    document=(
        rb"(?s)\s*[\[{](?=.*?\"(?:extra_args|extraArgs)\"\s*:)"
        rb"(?=.*?\"env_vars\"\s*:)(?=.*?\batom\.plugin\.sglang\b)"
    ),
    hit=lambda data: b"atom.plugin.sglang" in data,
    related=True,
    layered=True,
    word="catalogue",
)
