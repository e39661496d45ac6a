"""Random words of bash: every way of quoting, every expansion, values hard to quote."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeVar

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

NAMES = ("A", "B", "C", "IN1", "IN2")
ARRAYS = ("L", "M")
NUMBERS = ("N", "K")
_BARE = "abxyzQ019_./:,=+@%-"
_HARD = "abxQ01 \t\n-_./:,='\"\\$`*?[]{}~!#&;|<>()éü模"
PATTERNS = ("a", "?", "*", "*a", "a*", "[ab]", "[!a]", "x*y", "/", "*/", "\\*", "' '", '"a"')


class Source(Protocol):
    """Where the choices come from."""

    def number(self, least: int, most: int) -> int: ...

    def text(self, letters: str, least: int, most: int) -> str: ...


@dataclass(slots=True)
class Drawn:
    """From hypothesis, which makes what fails as small as it can."""

    draw: st.DrawFn

    def number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def text(self, letters: str, least: int, most: int) -> str:
        return self.draw(st.text(letters, min_size=least, max_size=most))


@dataclass(slots=True)
class Seeded:
    """From a seed: the same each time, whatever the release of hypothesis and the project's code.

    Hypothesis draws on the constants of the code under test, derandomised or not.
    """

    random: Random

    def number(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def text(self, letters: str, least: int, most: int) -> str:
        return "".join(self.random.choices(letters, k=self.random.randint(least, most)))


@dataclass(slots=True)
class Words:
    """Chooses words and the parts of words."""

    source: Source

    def pick(self, *options: T) -> T:
        return options[self.source.number(0, len(options) - 1)]

    def chance(self, one_in: int) -> bool:
        return self.source.number(0, one_in - 1) == one_in - 1

    def few(self, make: Callable[[], str], least: int = 0, most: int = 3) -> list[str]:
        return [make() for _ in range(self.source.number(least, most))]

    def bare(self) -> str:
        return self.source.text(_BARE, 1, 5)

    def hard(self, most: int = 6) -> str:
        return self.source.text(_HARD, 0, most)

    def single(self) -> str:
        return "'" + self.hard().replace("'", "") + "'"

    def escaped(self) -> str:
        return "".join(f"\\{c}" for c in self.hard(3).replace("\n", ""))

    def ansi(self) -> str:
        parts = self.few(
            lambda: self.pick("a", "\\n", "\\t", "\\'", '\\"', "\\\\", "\\x41", "\\101", "\\u00e9")
        )
        return "$'" + "".join(parts) + "'"

    def double(self, depth: int) -> str:
        def part() -> str:
            kind = self.pick("text", "expansion", "odd")
            if kind == "expansion" and depth:
                return self.expansion(depth - 1, quoted=True)
            if kind == "odd":
                return self.pick(
                    "\\a", "\\\\", "\\$", '\\"', "\\`", "'", "\\\n", "$ ", "*", "~", "{a,b}"
                )
            return "".join(f"\\{c}" if c in '$`"\\' else c for c in self.hard(4))

        return '"' + "".join(self.few(part)) + '"'

    def name(self) -> str:
        return self.pick(*NAMES)

    def expansion(self, depth: int, *, quoted: bool = False) -> str:
        name = self.pick(*NAMES, "1", "2")
        kinds = [self._plain, self._default, self._trim, self._replace, self._slice, self._case]
        kinds += [self._array, self._all, self._number, self._length, self._indirect]
        if depth:
            kinds += [self._command]
        return self.pick(*kinds)(name, depth, quoted)

    def _plain(self, name: str, depth: int, quoted: bool) -> str:
        return self.pick(f"${name}", f"${{{name}}}")

    def _default(self, name: str, depth: int, quoted: bool) -> str:
        operator = self.pick(":-", "-", ":+", "+", ":=", "=")
        if name.isdigit():
            operator = operator.replace("=", "-")
        return f"${{{name}{operator}{self._operand(depth, quoted)}}}"

    def _operand(self, depth: int, quoted: bool) -> str:
        if self.chance(4):
            return ""
        if quoted:
            return self.pick(
                "a", "a b", "\\$", "'q'", '"a b"', "\\}", self._plain(self.name(), 0, True)
            )
        return self.word(depth - 1) if depth else self.pick("a", "a b", "'a b'", '"x y"', "$B", "*")

    def _trim(self, name: str, depth: int, quoted: bool) -> str:
        pattern = self.pick(*PATTERNS, "$B", '"$B"')
        return f"${{{name}{self.pick('#', '##', '%', '%%')}{pattern}}}"

    def _replace(self, name: str, depth: int, quoted: bool) -> str:
        pattern = self.pick("a", "?", "[ab]", "a*", " ", "\\/", '"$B"', "$B", "*")
        new = self.pick("", "/", "/x", "/$B", '/"$B"', "/ ", "/'y'", "/\\/")
        return f"${{{name}{self.pick('/', '//', '/#', '/%')}{pattern}{new}}}"

    def _slice(self, name: str, depth: int, quoted: bool) -> str:
        start = self.pick("0", "1", " -2", "(-1)", "N", "9")
        # No negative length: where the value is too short bash refuses it, which only a run tells.
        return f"${{{name}:{start}{self.pick('', ':1', ':2', ':N')}}}"

    def _case(self, name: str, depth: int, quoted: bool) -> str:
        return f"${{{name}{self.pick('^', '^^', ',', ',,', '^^[ab]', '@Q', '@U', '@L')}}}"

    def _array(self, name: str, depth: int, quoted: bool) -> str:
        array = self.pick(*ARRAYS)
        form = self.pick(
            "[@]", "[*]", "[0]", "[1]", "[N]", "[-1]", "[@]:1", "[@]:0:1", "[@]#a", "[@]/a/x", ""
        )
        return (
            f"${{{self.pick('', '', '', '#', '!') if form in ('[@]', '[*]') else ''}{array}{form}}}"
        )

    def _all(self, name: str, depth: int, quoted: bool) -> str:
        return self.pick("$@", "$*", "$#", "${@:2}", "${*:1:1}", "${#@}", "$?")

    def _number(self, name: str, depth: int, quoted: bool) -> str:
        return f"$(({self.arithmetic(2)}))"

    def _length(self, name: str, depth: int, quoted: bool) -> str:
        return f"${{#{name}}}"

    def _indirect(self, name: str, depth: int, quoted: bool) -> str:
        return self.pick("${!P}", "${!P:-none}")

    def _command(self, name: str, depth: int, quoted: bool) -> str:
        word = self.word(depth - 1) if depth else self.bare()
        return self.pick(
            "$(echo {})", "$(printf '%s' {})", "`echo {}`", "$(A=x; echo $A {})"
        ).format(word if "`" not in word and "\\" not in word else "plain")

    def arithmetic(self, depth: int) -> str:
        if not depth or self.chance(3):
            return self.pick("0", "1", "2", "7", "N", "K", "$N", "0x1f", "010", "L[0]*0")
        left, right = self.arithmetic(depth - 1), self.arithmetic(depth - 1)
        operator = self.pick(
            "+",
            "-",
            "*",
            "/",
            "%",
            "<",
            ">",
            "<=",
            "==",
            "!=",
            "&&",
            "||",
            "&",
            "|",
            "^",
            "<<",
            ",",
        )
        if operator in {"/", "%"} and not self.chance(4):
            right = "3"
        if operator == "<<":
            right = "2"
        form = self.pick(
            "{} {} {}", "({} {} {})", "-({} {} {})", "!({} {} {})", "({} {} {} ? 1 : N)"
        )
        return form.format(left, operator, right)

    def brace(self) -> str:
        return self.pick(
            "{a,b}",
            "x{1..3}y",
            "{a,}",
            "{03..01}",
            "{a..c}{1,2}",
            "{x}",
            "{a,'b c'}",
            "{1..$N}",
            "{a,{b,c}}",
        )

    def word(self, depth: int = 2) -> str:
        def part() -> str:
            kind = self.pick(
                "bare", "single", "double", "escaped", "ansi", "expansion", "quoted", "brace"
            )
            match kind:
                case "single":
                    return self.single()
                case "double":
                    return self.double(depth)
                case "escaped":
                    return self.escaped() or "''"
                case "ansi":
                    return self.ansi()
                case "expansion":
                    return self.expansion(depth)
                case "quoted":
                    return f'"{self.expansion(depth, quoted=True)}"'
                case "brace":
                    return self.brace()
            return self.bare()

        prefix = self.pick("", "", "", "--x=", "--", "-")
        return prefix + "".join(self.few(part, 1, 2))

    def words(self, least: int = 0, most: int = 3) -> str:
        return " ".join(self.few(self.word, least, most))
