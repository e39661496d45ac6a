"""What SGLang understands: variables, arguments and the catalogue of one release."""

from __future__ import annotations

from dataclasses import dataclass, field
from posixpath import commonprefix
from typing import TYPE_CHECKING

from dsv4_env.catalogue.owners import SGLANG, owner
from dsv4_env.model.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DECLARED = "Envs"  # the reading that ``sglang/srt/environ.py`` declares
DIFFUSION_BOOL = "multimodal_gen.get_bool_env_var"  # takes more words than srt's own
TREE = "tree"  # the release of a checkout's own SGLang
LITERAL = "literal"  # the name stands in the source as a string; how it is read isn't resolved


@dataclass(frozen=True, slots=True)
class VariableReading:
    """One way in which SGLang reads a variable.

    *via* is ``Envs`` (declared in ``sglang/srt/environ.py``), ``os`` (``os.environ``,
    ``os.getenv``), ``C++``, ``is_set`` (``envs.X.is_set()``), ``literal`` (the name stands in the
    source as a string, and no way to it was found) or the name of the helper that reads it
    (``get_bool_env_var``).
    *kind* is what the text becomes: ``bool``, ``int``, ``float``, ``str``, ``tuple``, ``json``;
    ``set`` where only its presence counts, ``nonempty`` where only emptiness does, ``one of``
    where it is compared with *values* (*fold*: after lower-casing, *strip*: after stripping),
    ``raw`` where the text goes on to places that the catalogue doesn't follow. *default* is
    spelled as in a shell, None where there is none; *computed* names what computes a default
    that no table can state. *files* are paths inside the package.
    """

    via: str
    kind: str
    default: str | None = None
    computed: str | None = None
    values: tuple[str, ...] = ()
    fold: bool = False
    strip: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnSetting:
    """SGLang's own code sets the variable: in which file, to what (None: not a literal).

    *only_if_unset* is ``os.environ.setdefault`` or a test that it isn't there, *conditional*
    any other condition.
    """

    file: str
    value: str | None = None
    only_if_unset: bool = False
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable as one release understands it.

    *deprecated* says that SGLang warns about the name; *renamed_to* is where its value goes,
    *transform* how it changes on the way (``invert_bool``, ``ms_to_s``, ``computed``) and
    *wins* which of ``old`` and ``new`` counts when both are set; *replaced_by* is the server
    flag that SGLang recommends instead. *aliases* are old names of this one. *mentioned* says
    whether a declared name occurs anywhere in the package outside its declaration and tests;
    where it doesn't, setting it can't change anything in Python code.
    """

    name: str
    readings: tuple[VariableReading, ...] = ()
    secret: bool = False
    deprecated: bool = False
    renamed_to: str | None = None
    transform: str | None = None
    wins: str | None = None
    replaced_by: str | None = None
    aliases: tuple[str, ...] = ()
    set_by: tuple[OwnSetting, ...] = ()
    mentioned: bool = True

    @property
    def in_envs(self) -> bool:
        """Whether ``Envs`` in ``sglang/srt/environ.py`` declares it."""
        return any(r.via == DECLARED for r in self.readings)

    @property
    def live(self) -> bool:
        """Whether SGLang does anything with the value: reads it or forwards it."""
        return bool(self.readings) or self.renamed_to is not None

    @property
    def ignored(self) -> bool:
        """Whether it's SGLang's by its name, and SGLang does nothing with it.

        What SGLang only sets, and others read (HIP, PyTorch, NCCL), isn't.
        """
        return not self.live and owner(self.name) == SGLANG

    @property
    def _main(self) -> VariableReading | None:
        declared = [r for r in self.readings if r.via == DECLARED]
        if declared:
            return declared[-1]
        kinds = {(r.kind, r.default, r.computed) for r in self.readings if r.kind != "set"}
        return (
            next((r for r in self.readings if r.kind != "set"), None) if len(kinds) == 1 else None
        )

    @property
    def kind(self) -> str:
        """What the value is read as; ``mixed`` where places differ, ``none`` where none reads."""
        if self._main is not None:
            return self._main.kind
        kinds = {r.kind for r in self.readings}
        return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "none"

    @property
    def default(self) -> str | None:
        """The default as one would spell it, None where there is none or it isn't known."""
        return self._main.default if self._main is not None else None

    @property
    def computed(self) -> str | None:
        """What computes the default, by name; None where the default is literal."""
        return self._main.computed if self._main is not None else None

    @property
    def default_known(self) -> bool:
        """Whether *default* states what SGLang uses when the variable isn't set."""
        return self._main is not None and self._main.computed is None

    @property
    def read_in(self) -> tuple[str, ...]:
        """The files other than ``environ.py`` that read it by themselves."""
        return tuple(sorted({f for r in self.readings if r.via != DECLARED for f in r.files}))


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the server's parser.

    *aliases* are its other option strings, ``--no-…`` forms included. *type*, *action* are
    names as in SGLang's source (``int``, ``human_readable_int``, ``store_true``); *nargs* is
    argparse's (0: takes no value). *choices* is None where any value goes **or** where they
    couldn't be resolved (see *unresolved*); *default* and *const* are spelled, a list as JSON.
    *computed* names what computes the default. *value_aliases* maps deprecated values to those
    that SGLang turns them into before anything reads them; *refused* says that the server stops
    when it is given, *explicit* that SGLang remembers whether it was given, so that giving the
    default isn't the same as leaving it out. *unresolved* names the fields that the extractor
    couldn't resolve.
    """

    flag: str
    aliases: tuple[str, ...] = ()
    dest: str = ""
    type: str | None = None
    nargs: str | None = None
    choices: tuple[str, ...] | None = None
    default: str | None = None
    const: str | None = None
    computed: str | None = None
    action: str = "store"
    required: bool = False
    deprecated: bool = False
    refused: bool = False
    replacement: str | None = None
    value_aliases: tuple[tuple[str, str], ...] = ()
    explicit: bool = False
    unresolved: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Every option string."""
        return (self.flag, *self.aliases)

    @property
    def takes_value(self) -> bool:
        """Whether a value follows."""
        return self.nargs != "0"

    @property
    def default_known(self) -> bool:
        """Whether *default* states what the parser yields when the flag isn't given."""
        return self.computed is None


@dataclass(slots=True, eq=False, repr=False)
class FlagMatch:
    """What argparse makes of a word: the argument, or more than one candidate.

    *flag* is the option string it stands for, *value* the text after ``=``. *argument* is None
    where the word is ambiguous (*candidates* then lists the option strings) or ``--help``.
    """

    flag: str
    argument: Argument | None = None
    abbreviated: bool = False
    value: str | None = None
    candidates: tuple[str, ...] = ()


_HELP = ("-h", "--help")  # argparse's own


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one release understands. *label* says where it was taken from.

    The *release* of a checkout's own SGLang is ``tree``, *base* then the shipped release nearest to
    it and *root* the checkout's folder. *prefixes* are (old, new) pairs of prefixes that SGLang
    rewrites at start (``SGL_`` to ``SGLANG_``); *unresolved* names what the extractor couldn't
    resolve.
    """

    release: str
    variables: Mapping[str, Variable]
    arguments: Mapping[str, Argument]
    unresolved: tuple[str, ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    label: str = ""
    base: str = ""
    root: str = ""
    _flags: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """How messages call the release."""
        return "the tree's own SGLang" if self.release == TREE else f"SGLang {self.release}"

    def variable(self, name: str) -> Variable | None:
        """The variable, also by a prefix that SGLang rewrites; None where it isn't known."""
        found = self.variables.get(name)
        if found is not None:
            return found
        for old, new in self.prefixes:
            if name.startswith(old):
                target = new + name.removeprefix(old)
                if target in self.variables:
                    return Variable(name, deprecated=True, renamed_to=target, wins="old")
        return None

    def argument(self, word: str) -> FlagMatch | None:
        """What the server's argparse takes *word* for, or None where it knows nothing like it.

        An exact option string, ``--flag=value``, or an abbreviation; an abbreviation of two
        option strings is ambiguous even where both are one argument (Python 3.10 to 3.13).
        """
        if not word.startswith("-") or word in {"-", "--"}:
            return None
        flags = self.option_strings()
        if word in flags:
            return FlagMatch(word, self._owner(word))
        name, equals, text = word.partition("=")
        value = text if equals else None
        if equals and name in flags:
            return FlagMatch(name, self._owner(name), value=value)
        if not word.startswith("--"):
            return None
        near = [f for f in flags if f.startswith(name)]
        if len(near) == 1:
            return FlagMatch(near[0], self._owner(near[0]), abbreviated=True, value=value)
        return FlagMatch(name, value=value, candidates=tuple(near)) if near else None

    def shortest(self, option: str) -> str:
        """As much of an option string as argparse needs to tell it from all others."""
        flags = sorted(self.option_strings())
        at = flags.index(option)
        beside = [*flags[max(at - 1, 0) : at], *flags[at + 1 : at + 2]]
        shared = [len(commonprefix([option, other])) for other in beside]
        return option[: max([2, *shared]) + 1]

    def option_strings(self) -> Mapping[str, str]:
        """Every option string of the parser to the flag it belongs to, in the parser's order."""
        if not self._flags:
            self._flags.update(dict.fromkeys(_HELP, ""))
            for argument in self.arguments.values():
                self._flags.update(dict.fromkeys(argument.flags, argument.flag))
        return self._flags

    def _owner(self, option: str) -> Argument | None:
        flag = self.option_strings()[option]
        return self.arguments[flag] if flag else None

    def near_variable(self, name: str) -> str | None:
        """The known variable nearest to a misspelt one, a prefix that both have left aside."""
        prefix = next((p for p in ("SGLANG_", "SGL_") if name.startswith(p)), "")
        rests = {n.removeprefix(prefix) for n in self.variables if n.startswith(prefix)}
        near = did_you_mean(name.removeprefix(prefix), rests)
        return None if near is None else prefix + near

    def near_flag(self, word: str) -> str | None:
        """The known option string nearest to a misspelt one."""
        return did_you_mean(word.partition("=")[0], self.option_strings())

    def __iter__(self) -> Iterator[Variable | Argument]:
        yield from self.variables.values()
        yield from self.arguments.values()
