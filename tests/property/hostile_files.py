"""Files of every kind, made odd: the corpus of the tests, cut, doubled, nested and spliced.

``python -m tests.property.hostile_files --minutes 30 [--corpus DIR …]`` reads such files one after
the other and tells each that isn't read within its bounds, with the file kept in ``--keep``.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.profile import reference_script
from dsv4_env.profile.layers import read_layer
from dsv4_env.readers import READERS, HowRead, read
from tests.differential.corpus import CORPUS, KEPT_SEEDS

SECONDS, MEGABYTES = 3.0, 300  # for one file: two seconds on an idle core, and memory
LONGEST = 1500  # characters of a message
CASES = Path(__file__).parent.parent / "cases"
_ENDINGS = {
    "bash": ".sh", "python": ".py", "workflow": ".yml", "compose": ".yml", "kubernetes": ".yml",
    "dockerfile": ".Dockerfile", "dotenv": ".env", "layer": ".toml", "config": ".yml",
    "vscode": ".json", "inspected": ".json", "markdown": ".md", "notebook": ".ipynb",
    "cookbook": ".jsx", "srt-slurm": ".yml", "skypilot": ".yml", "systemd": ".service",
    "slurm-ci": ".yml", "inferencex": ".yml", "atom": ".json",
}  # fmt: skip
_OPENERS = {
    "bash": ["$(", "${a:-", "$((", "(", "{ ", "if ", "case x in x) ", "<<E\n", "`", '"$(', "[[ ("],
    "python": ["(", "[", "{", "f(", "not ", "lambda: ", "if x:\n ", "for i in x:\n ", "x[", "-"],
    "workflow": ["[", "{a: ", "- ", "${{ (", "&a [*a, "],
    "compose": ["[", "{a: ", "- ", "${A:-", "&a ["],
    "kubernetes": ["[", "{a: ", "- ", "$(A)", "---\n"],
    "dockerfile": ["${a:-", "RUN <<E\n", "\\\n", "[", '"'],
    "dotenv": ["${A:-", '"', "'", "\\"],
    "config": ["[", "{a: ", "- ", "&a [*a, "],
    "srt-slurm": ["[", "{a: ", "- ", "&a [*a, "],
    "slurm-ci": ["[", "{a: ", "- ", "$(", "'", "&a [*a, "],
    "atom": ["[", '[{"path": "m", "env_vars": "', "/*", '"', "'", "\\"],
    "inferencex": ["[", "{a: ", "- ", "  framework: sglang\n", "&a [*a, "],
    "vscode": ["[", '{"a": ', "/*", '"', "${env:A} "],
    "markdown": ["```bash\n", "~~~\n", "> ", "- ", "<!--\n", "<a ", "[", "\t", "$ "],
    "notebook": ['{"cells": [', '{"cell_type": "code", "source": ["', "%%bash\n", "!", "{m"],
    "cookbook": ["[", "{a: ", "`${", "/*", "f(", "...", "'", "{{A}}"],
    "skypilot": ["[", "{a: ", "- ", "$(", "${a:-", "&a [*a, "],
    "systemd": ["${", "'", "\\", "\\\n", "%", "$a ", "; "],
    "inspected": ["[", '{"a": ', '[{"Config": {"Env": [', '"', "${A:-"],
    "layer": ["[", "{a=", "[a.", "'''", '"""'],
}
_WORDS = [
    "\x00", "\r\n", "\\", "'", '"', "`", "$", "${", "}", "$(", ")", "((", "))", "<<", "<<-E",
    "|&", "&&", ";;", "#", "\ufeff", "\u2028", "\udcff", "\x1b[31m", "%0999999999d", "9" * 50,
    "-1", "1e999", "{1..99999}", "{a,b}{c,d}{e,f}", "*", "?(a|b)", "!(*)", "\t", "\n", ":",
    "- ", "&x", "*x", "<<: *x", "!!python/object:os.system", "| ", ">", "${{ matrix.a }}",
    "sglang serve", "--tp", "=", "+=", "@", "python3 -m sglang.launch_server --tp 8", "eval ",
    "source ./a", "exec ", "trap ", "set -e", "while true; do ", "done", "for i in ",
    "function f { f; }; f", "f(*a, **b)", "import x", "x = x * 9", "'%s' * 9", "lambda",
    "yield", "await", "ENV A=$A$A", "ARG", "FROM a AS b", "A=${A}${A}",
]  # fmt: skip


def corpus(more: Sequence[Path] = ()) -> dict[str, list[str]]:
    """The texts of each kind: the tests' own, and the files below *more*."""
    found: dict[str, list[str]] = {kind: [] for kind in _ENDINGS}
    found["bash"] += [reference_script().read_text(), *(s.text for s in (*CORPUS, *KEPT_SEEDS))]
    found["layer"] += [p.read_text() for p in sorted(reference_script().parent.glob("*.toml"))]
    for path in sorted(CASES.glob("*/*/input*")):
        kind = path.parts[-3] if path.parts[-3] in found else "layer"
        found[kind].append(path.read_bytes().decode("utf-8", "surrogateescape"))
    by_ending = {".sh": "bash", ".py": "python", ".env": "dotenv", ".toml": "layer"}
    for folder in more:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
            text = path.read_bytes()[:200_000].decode("utf-8", "surrogateescape")
            if path.suffix in (".yml", ".yaml"):
                kinds = [k for k in ("workflow", "compose", "kubernetes") if _fits(k, text)]
            else:
                kinds = ["dockerfile"] if path.name.startswith("Dockerfile") else []
                kinds = [by_ending[path.suffix]] if path.suffix in by_ending else kinds
            for kind in kinds:
                found[kind].append(text)
    return found


def _fits(kind: str, text: str) -> bool:
    word = {"workflow": "jobs:", "compose": "services:", "kubernetes": "apiVersion:"}[kind]
    return word in text


class Maker:
    """Makes files of a kind, the same for the same seed."""

    def __init__(self, texts: dict[str, list[str]], seed: int) -> None:
        self.texts = texts
        self.random = random.Random(seed)

    def make(self, kind: str) -> str:
        """A text of the corpus after a few changes, or what nests and doubles."""
        choose = self.random
        if choose.random() < 0.1:
            return self.nested(kind)
        text = choose.choice(self.texts[kind])
        for _ in range(choose.choice([1, 1, 2, 3, 5, 10, 30])):
            text = choose.choice(self.changes())(text, kind)[:300_000]
        return text

    def changes(self) -> list[Callable[[str, str], str]]:
        """What can be done to a text."""
        return [
            self.cut, self.drop, self.double, self.insert, self.splice, self.swap, self.repeat,
            self.nest, self.replace, self.lines, self.numbers,
        ]  # fmt: skip

    def at(self, text: str) -> int:
        """Any place in a text."""
        return self.random.randint(0, len(text))

    def cut(self, text: str, kind: str) -> str:
        """The beginning of it."""
        return text[: self.at(text)]

    def drop(self, text: str, kind: str) -> str:
        """Without a piece."""
        start = self.at(text)
        return text[:start] + text[start + self.random.choice([1, 1, 2, 5, 40]) :]

    def double(self, text: str, kind: str) -> str:
        """With a piece of it once more."""
        start, end = sorted((self.at(text), self.at(text)))
        end = min(end, start + 2000)
        return text[:end] + text[start:end] + text[end:]

    def insert(self, text: str, kind: str) -> str:
        """With an odd word."""
        place = self.at(text)
        return text[:place] + self.random.choice(_WORDS) + text[place:]

    def splice(self, text: str, kind: str) -> str:
        """With a piece of another text, of any kind."""
        other = self.random.choice(self.texts[self.random.choice(sorted(self.texts))] or [""])
        start, place = self.at(other), self.at(text)
        return text[:place] + other[start : start + 300] + text[place:]

    def swap(self, text: str, kind: str) -> str:
        """Two lines in each other's places."""
        rows = text.split("\n")
        a, b = self.random.randrange(len(rows)), self.random.randrange(len(rows))
        rows[a], rows[b] = rows[b], rows[a]
        return "\n".join(rows)

    def repeat(self, text: str, kind: str) -> str:
        """With one line many times."""
        rows = text.split("\n")
        place = self.random.randrange(len(rows))
        times = self.random.choice([3, 20, 100, 1000])
        return "\n".join([*rows[:place], *[rows[place]] * times, *rows[place:]])

    def nest(self, text: str, kind: str) -> str:
        """With brackets that nothing closes."""
        place = self.at(text)
        times = self.random.choice([2, 10, 60, 300])
        return text[:place] + self.random.choice(_OPENERS[kind]) * times + text[place:]

    def replace(self, text: str, kind: str) -> str:
        """With one word in the place of another one."""
        words = text.split()
        if not words:
            return text
        return text.replace(self.random.choice(words), self.random.choice([*words, *_WORDS]))

    def lines(self, text: str, kind: str) -> str:
        """Its lines in another order."""
        rows = text.split("\n")
        self.random.shuffle(rows)
        return "\n".join(rows)

    def numbers(self, text: str, kind: str) -> str:
        """With a huge number somewhere."""
        places = [i for i, c in enumerate(text) if c.isdigit()]
        if not places:
            return text
        place = self.random.choice(places)
        return text[:place] + self.random.choice(["99999999", "-", "1" * 400, "0x"]) + text[place:]

    def nested(self, kind: str) -> str:
        """Openers alone, closed or not, around a launch."""
        opener = self.random.choice(_OPENERS[kind])
        closing = {"(": ")", "[": "]", "{": "}", "`": "`", '"': '"', "'": "'"}
        closer = "".join(closing.get(c, "") for c in reversed(opener))
        times = self.random.choice([10, 100, 1000, 10_000])
        start = {"dockerfile": "FROM a\nCMD ", "dotenv": "A=", "layer": "a = "}.get(kind, "")
        inner = self.random.choice(["", "sglang serve --tp 8", "x"])
        return start + opener * times + inner + closer * self.random.choice([0, times]) + "\n"


def outcome(kind: str, text: str, folder: Path) -> list[LaunchConfig] | str:
    """The launches of a file, or the error that says why there are none.

    Raises whatever isn't an error for a user.
    """
    path = folder / f"input{_ENDINGS[kind]}"
    data = text.encode("utf-8", "surrogateescape" if "\udcff" in text else "surrogatepass")
    try:
        if kind == "layer":
            path.write_bytes(data)
            read_layer(path)
            return []
        return read(data, path, HowRead(kind, root=folder))
    except Dsv4Error as exc:
        return str(exc)


def readable(found: list[LaunchConfig] | str) -> Iterator[str]:
    """What is wrong with the launches of a file, or with the error: texts that nobody can read."""
    if isinstance(found, str):
        if "reader failed" in found or "\n" in found.strip() or len(found) > LONGEST:
            yield f"an error that isn't one message: {found[:300]!r}"
        return
    for config in found:
        if len(config.notes) > 100:
            yield f"{len(config.notes)} notes"
        if any(len(n.message) > LONGEST for n in config.notes):
            yield "a long note"
        if config.partial and not config.notes:
            yield "in part, and nothing says why"


@dataclass
class Lot:
    """What reading some files gave: how many of a kind, the slowest of it, what was wrong."""

    counted: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    memory: int = 0
    problems: list[tuple[str, str, str]] = field(default_factory=list)


def lot(texts: dict[str, list[str]], seed: int, size: int = 300) -> Lot:
    """Read odd files in a process of their own, whose memory is theirs alone."""
    gc.set_threshold(50_000)  # as the program has it
    maker, done = Maker(texts, seed), Lot()
    with tempfile.TemporaryDirectory() as name:
        for _ in range(size):
            kind = maker.random.choice(sorted(_ENDINGS))
            text = maker.make(kind)
            start = time.process_time()
            problems: list[str] = []
            try:
                problems += readable(outcome(kind, text, Path(name)))
            except Exception as exc:  # what nobody foresaw is what is looked for
                problems.append(f"{type(exc).__name__}: {exc}"[:300])
            took = time.process_time() - start
            done.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            if took > SECONDS:
                problems.append(f"{took:.1f} s")
            if done.memory > MEGABYTES:
                problems.append(f"{done.memory} MB")
            done.counted[kind] += 1
            done.slowest[kind] = max(done.slowest.get(kind, 0), took)
            done.problems += [(kind, problem, text) for problem in problems]
            if done.memory > MEGABYTES:
                break  # memory is never given back: what comes after can't be judged
    return done


def main() -> int:
    """Read odd files until the time is over; 1 where one of them isn't read as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--corpus", type=Path, action="append", default=[])
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    assert set(READERS) <= set(_ENDINGS)
    texts = corpus(given.corpus)
    end = time.monotonic() + 60 * given.minutes
    whole = Lot()
    wrong = 0
    context = multiprocessing.get_context("fork")
    with context.Pool(given.jobs, maxtasksperchild=1) as pool:
        seeds = itertools.takewhile(lambda _: time.monotonic() < end, itertools.count(given.seed))
        while chosen := list(itertools.islice(seeds, given.jobs)):
            for done in pool.starmap(lot, [(texts, seed) for seed in chosen], 1):
                whole.counted += done.counted
                whole.memory = max(whole.memory, done.memory)
                for kind, took in done.slowest.items():
                    whole.slowest[kind] = max(whole.slowest.get(kind, 0), took)
                for kind, problem, text in done.problems:
                    wrong += 1
                    print(f"{kind}: {problem}", flush=True)
                    if given.keep:
                        given.keep.mkdir(parents=True, exist_ok=True)
                        path = given.keep / f"{wrong:03}{_ENDINGS[kind]}"
                        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for kind in sorted(whole.counted):
        print(f"{kind}: {whole.counted[kind]:,} files, {whole.slowest[kind]:.2f} s at most")
    print(f"{whole.counted.total():,} files, {whole.memory} MB at most, {wrong} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
