"""Random launch scripts: values hard to quote, every expansion, nested structure, launches.

Each script ends, does the same every time and touches nothing outside its folder: loops count
to three, functions call no others, no word stands where a command is expected, and the letters
of the values can't spell one.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from hypothesis import strategies as st

from .grammar_words import ARRAYS, NAMES, NUMBERS, PATTERNS, Drawn, Source, Words

_FUNCTIONS = ("f", "g")
_IFS = ("IFS=,", "IFS=:", "IFS=", "IFS=' '", "IFS=$' \\t\\n'", "unset IFS", "IFS=ab", "IFS=', '")
_TEXTS = (
    "a",
    "-1",
    "--x=y",
    "a b",
    " a ",
    "",
    "a,b",
    "a:b::c",
    "*",
    "x\ty",
    "'q'",
    '"',
    "\\",
    "$A",
)


@dataclass(frozen=True, slots=True)
class Generated:
    """A script with what it is started with."""

    text: str
    inputs: dict[str, str]
    args: tuple[str, ...]

    @property
    def as_seed(self) -> str:
        """The script as a file of ``seeds/``: with a header that says how to start it."""
        inputs = " ".join(f"{n}={shlex.quote(v)}" for n, v in self.inputs.items())
        return f"# inputs: {inputs}\n# args: {shlex.join(self.args)}\n{self.text}"


@dataclass(slots=True)
class _Maker:
    """Makes the statements of one script; the words are *say*'s."""

    say: Words
    counters: int = 0
    in_function: bool = False
    loops: int = 0

    def launch(self) -> str:
        prefix = "".join(
            f"{self.say.name()}={self.say.word(1)} " for _ in range(self.say.pick(0, 0, 0, 1, 2))
        )
        before = self.say.pick(
            "", "", "", "env ", "env D=1 ", "env -u A ", "nohup ", "numactl -N 0 ", "command "
        )
        server = self.say.pick("python3 -m sglang.launch_server", "sglang serve")
        end = self.say.pick(
            "", "", "", " > log.txt 2>&1", " 2>&1 | cat", " </dev/null", " 2>&1 | tee log.txt"
        )
        return f"{prefix}{before}{server} {self.say.words(0, 4)}{end}"

    def assignment(self) -> str:
        name = self.say.name()
        return self.say.pick(f"{name}={self.say.word()}", f"{name}+={self.say.word()}", f"{name}=")

    def export(self) -> str:
        name, word = self.say.name(), self.say.word()
        forms = (
            f"export {name}={word}",
            f"export {name}",
            f"export {name}={word} {self.say.name()}={self.say.word(1)}",
            f"export {name}+={word}",
            f"export -n {name}",
            f"declare -x {name}={word}",
            f"unset {name}",
            f"set -a; {name}={word}; set +a",
            f"declare {self.say.pick('-u', '-l', '-i', '+x', '-gx')} {name}",
            f"export {self.say.pick(*NUMBERS)}",
        )
        return self.say.pick(*forms)

    def array(self) -> str:
        array = self.say.pick(*ARRAYS)
        key = self.say.pick("a", "b", "c")
        forms = (
            f"{array}=({self.say.words()})",
            f"{array}+=({self.say.words(1)})",
            f"{array}[{self.say.pick('0', '1', '3', 'N')}]={self.say.word()}",
            f"unset '{array}[0]'",
            f"{array}=([2]={self.say.word(1)} {self.say.bare()})",
            f"read -ra {array} <<< {self.say.word()}",
            f"mapfile -t {array} <<< {self.say.word()}",
            f"declare -A D=([a]={self.say.word(1)} [b]=2); {self.say.name()}=${{D[{key}]}}",
            f"{array}+=tail",
        )
        return self.say.pick(*forms)

    def parameters(self) -> str:
        return self.say.pick(
            f"set -- {self.say.words()}",
            f'set -- "$@" {self.say.words(1)}',
            "shift",
            "shift 2",
            "set -- $*",
        )

    def number(self) -> str:
        name = self.say.pick(*NUMBERS)
        forms = (
            f"{name}=$(({self.say.arithmetic(2)}))",
            f"(({name} += {self.say.arithmetic(1)}))",
            f"(({name}++)) || true",
            f"let '{name} = {self.say.arithmetic(1)}'",
        )
        return self.say.pick(*forms)

    def reading(self) -> str:
        name = self.say.name()
        text = self.say.source.text("ab $\\'\"*", 0, 8) + self.say.pick(
            "", "$A", "${B:-x}", "$((N))", "\\$A"
        )
        quoted = self.say.pick("EOF", "'EOF'")
        form = self.say.pick("%s", "%s-%s", "%5s", "%q", "%%", "%03d")
        forms = (
            f"read -r {name} {self.say.name()} <<< {self.say.word()}",
            f"read {name} <<< {self.say.word()}",
            f"IFS=, read -r {name} B <<< {self.say.word()}",
            f"read -r {name} <<{quoted}\n{text}\nmore\nEOF",
            f"{name}=$(cat <<{quoted}\n{text.replace(chr(39), '').replace(chr(34), '')}\nEOF\n)",
            f"printf -v {name} {form} {self.say.pick('1', self.say.word(1))}",
            f"while read -r x y; do {name}+=$y; done < <(printf '%s\\n' {self.say.word(1)} 'a b')",
        )
        return self.say.pick(*forms)

    def test(self, depth: int = 1) -> str:
        name, word = self.say.name(), self.say.word(1)
        kind = self.say.pick("single", "double", "arithmetic", "plain", "join")
        if kind == "join" and depth:
            return f"{self.test(0)} {self.say.pick('&&', '||')} {self.test(0)}"
        if kind == "single":
            operator = self.say.pick("=", "!=", "==")
            return self.say.pick(
                f'[ "${name}" {operator} "{self.say.pick("a", "", "$B")}" ]',
                f'[ {self.say.pick("-n", "-z")} "${name}" ]',
                f'[ "$N" {self.say.pick("-eq", "-lt", "-ge")} {self.say.pick("0", "1", "3")} ]',
                f'[ ! -n "${name}" ]',
                f'[ -n "${name}" {self.say.pick("-a", "-o")} "$N" -gt 1 ]',
            )
        if kind == "double":
            return self.say.pick(
                f"[[ ${name} {self.say.pick('==', '!=', '=')} {word} ]]",
                f"[[ ${name} == {self.say.pick(*PATTERNS)} ]]",
                f"[[ {self.say.pick('-n', '-z')} ${name} && -v {self.say.name()} ]]",
                f"[[ ! ( -z ${name} || $N -gt 1 ) ]]",
            )
        if kind == "arithmetic":
            return f"(({self.say.arithmetic(2)}))"
        return self.say.pick("true", "false", "! true", "(exit 3)")

    def block(self, depth: int) -> str:
        return "\n".join(self.say.few(lambda: self.statement(depth - 1), 1, 2))

    def compound(self, depth: int) -> str:
        kind = self.say.pick(
            "if",
            "case",
            "for",
            "for",
            "count",
            "while",
            "subshell",
            "group",
            "list",
            "eval",
            "bash",
            "function",
            "pipe",
            "source",
        )
        match kind:
            case "if":
                other = f"\nelse\n{self.block(depth)}" if self.say.chance(2) else ""
                return f"if {self.test()}; then\n{self.block(depth)}{other}\nfi"
            case "case":
                pattern = self.say.pick(*PATTERNS, "a|b", "'*'", '"$B"')
                end = self.say.pick(";;", ";;", ";;&", ";&")
                first = f"{pattern}) {self.block(depth)}\n{end}"
                return f"case {self.say.word(1)} in\n{first}\n*) {self.block(depth)} ;;\nesac"
            case "function":
                return self.function(depth)
            case "subshell":
                return f"(\n{self.block(depth)}\n)"
            case "group":
                return f"{{\n{self.block(depth)}\n}}"
            case "pipe":
                return f"{{\n{self.block(depth)}\n}} 2>&1 | cat"
            case "list":
                return f"{self.test()} {self.say.pick('&&', '||')} {{\n{self.block(depth)}\n}}"
            case "eval":
                return f"eval {shlex.quote(self.block(depth))}"
            case "bash":
                return f"bash -c {shlex.quote(self.block(depth))} {self.say.words()}"
            case "source":
                return f"{self.say.pick('source', '.')} lib/rocm.sh {self.say.words()}"
        return self.loop(kind, depth)

    def loop(self, kind: str, depth: int) -> str:
        if self.loops == 2:
            return self.simple()
        self.loops += 1
        self.counters += 1
        counter = f"n{self.counters}"
        body = self.block(depth)
        if self.say.chance(4):
            body += f"\n{self.test()} && {self.say.pick('break', 'continue')}"
            body += f"\n{self.simple()}"
        self.loops -= 1
        if kind == "for":
            words = " ".join(
                self.say.pick(self.say.bare(), self.say.single(), '"$A"', "$B", "{1..2}")
                for _ in "ab"
            )
            return f"for {self.say.name()} in {words}; do\n{body}\ndone"
        if kind == "count":
            head = f"{counter} = 0; {counter} < {self.say.pick(1, 2)}; {counter}++"
            return f"for (({head})); do\n{body}\ndone"
        test = (
            f"while (({counter} < 2)); do"
            if self.say.chance(2)
            else f"until [ ${counter} -ge 2 ]; do"
        )
        return f"{counter}=0\n{test}\n{counter}=$(({counter} + 1))\n{body}\ndone"

    def function(self, depth: int) -> str:
        if self.in_function or self.loops:
            return self.simple()
        name = self.say.pick(*_FUNCTIONS)
        self.in_function = True
        local = self.say.pick(
            "", f"local {self.say.name()}={self.say.word(1)}\n", f"local -x {self.say.name()}=l\n"
        )
        body = self.block(depth)
        if self.say.chance(4):
            body += f"\n{self.test()} && return {self.say.pick('', '0', '3')}\n{self.simple()}"
        self.in_function = False
        calls = self.say.pick(f"{name} {self.say.words()}", f'A=t {name} "$@"', f"{name} x || B=$?")
        return f"{name}() {{\n{local}{body}\n}}\n{calls}"

    def simple(self) -> str:
        kind = self.say.pick(
            self.assignment,
            self.assignment,
            self.export,
            self.export,
            self.array,
            self.parameters,
            self.number,
            self.reading,
            self.launch,
            self.odd,
        )
        return kind()

    def odd(self) -> str:
        return self.say.pick(
            self.say.pick(*_IFS),
            f"P={self.say.name()}",
            "set -e",
            "set -u",
            "set -f",
            "set +f",
            "true # export A=1",
            "export A=1 # why",
            f": ${{{self.say.name()}:={self.say.word(1)}}}",
            "readonly C",
            "shopt -s nullglob",
            "unset -f f",
            f"A={self.say.word(1)} B=$A",
        )

    def statement(self, depth: int) -> str:
        if depth and self.say.chance(2):
            return self.compound(depth)
        return self.simple()


def made(source: Source) -> Generated:
    """A script of a few statements and at least one launch, with inputs and arguments."""
    say = Words(source)
    make = _Maker(say)
    lines = say.few(lambda: make.statement(2), 1, 5)
    lines.append(make.launch())
    inputs = {name: say.pick(*_TEXTS) for name in NAMES if say.chance(3)}
    args = tuple(say.pick(*_TEXTS) for _ in range(say.pick(0, 0, 1, 2, 3)))
    return Generated("\n".join(["N=1 K=2 P=A", *lines]) + "\n", inputs, args)


@st.composite
def scripts(draw: st.DrawFn) -> Generated:
    """The same as a strategy."""
    return made(Drawn(draw))
