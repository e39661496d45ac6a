"""Rules about server arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsv4_env.catalogue import Argument, history, load, releases
from dsv4_env.catalogue.arguments import arg_equals_default, invalid_arg
from dsv4_env.catalogue.removed import REMOVED_FLAGS, TAKES_OVER, instead
from dsv4_env.lint.subject import LintProblem, Subject, on, setting_text, together, words
from dsv4_env.model import EnvVar, ServerArg, Unknown, Value
from dsv4_env.model.errors import did_you_mean
from dsv4_env.model.finding import Severity

MODEL_TYPE = "--model-type"  # of `sglang serve` (cli/serve.py, 0.5.11 to 0.5.23)
REFUSED_PAIRS: tuple[tuple[str, str, str, str | None], ...] = (
    # One flag, another, the first and the last known release that stops on both (None: all
    # later). Sources: sglang/srt/server_args.py up to 0.5.18 (_handle_cache_compatibility,
    # check_server_args), then sglang/srt/arg_groups/{hicache,kv_cache,validation}_hook.py.
    ("--enable-hierarchical-cache", "--disable-radix-cache", "0.5.11", None),
    ("--enable-torch-compile", "--disable-cuda-graph-padding", "0.5.12", None),
    ("--prefill-only-disable-kv-cache", "--enable-hisparse", "0.5.12", None),
    ("--enable-two-batch-overlap", "--enforce-shared-experts-fusion", "0.5.12", "0.5.13.post1"),
    ("--enable-unified-cache-external-linker", "--enable-hierarchical-cache", "0.5.20", None),
    ("--enable-unified-cache-external-linker", "--hicache-storage-backend", "0.5.20", None),
    ("--enable-lmcache", "--enable-hierarchical-cache", "0.5.21", None),
    ("--enable-lmcache", "--enable-unified-cache-external-linker", "0.5.21", None),
    ("--enable-lmcache", "--disable-radix-cache", "0.5.21", None),
    ("--enable-watermark", "--enable-custom-logit-processor", "0.5.22", None),
)


def unknown_flag(s: Subject) -> Iterator[LintProblem]:
    """A flag that the server's parser doesn't know: the server stops."""
    for flag, arg, match in s.flags:
        if match is not None or flag == "--" or (s.serves and flag == MODEL_TYPE):
            continue
        message = f"{s.sglang} doesn't know {flag}"
        action = ""
        first, last = history.first_release(flag), history.last_release(flag)
        if gone := REMOVED_FLAGS.get(flag):
            message += f" any more; {gone[0]} still did"
            action = f"use {gone[1]}" if gone[1] else ""
        elif first is None or last is None:
            near = s.catalogue.near_flag(flag)
            action = f"did you mean {near}?" if near else ""
        elif first not in s.older:
            message += " yet"
            action = f"remove it, or launch with {first}, the first that does"
        else:
            new = history.replaced_flag(s.catalogue, flag)
            message += f" any more; {last} is the last that does"
            action = _use(s, arg, flag, new)
        yield on(arg, message, action or "remove it", effect=_stops(s))


def _stops(s: Subject) -> str:
    return f"{s.sglang} stops"


def unrecognized(s: Subject) -> Iterator[LintProblem]:
    """A word that belongs to no flag: the server stops.

    ``sglang serve MODEL`` takes one, right behind ``serve``.
    """
    args = s.config.args or ()
    for index, arg in enumerate(args):
        if arg.flag is not None or (index == 0 and s.serves):
            continue
        for word in arg.values:
            if isinstance(word, str):
                message, action = (
                    f'"{word}" belongs to no flag',
                    "remove it, or quote what it is of",
                )
                yield LintProblem(word, message, arg.location, action=action, effect=_stops(s))


def odd_characters(s: Subject) -> Iterator[LintProblem]:
    """A word with characters that no keyboard has there, or one of blanks alone."""
    words: list[tuple[EnvVar | ServerArg, str, Sequence[Value]]] = [
        (e, e.name, (e.name, e.value)) for e in s.env
    ]
    words += [(a, a.flag or "", a.words) for a in s.config.args or ()]
    for setting, name, given in words:
        for word in given:
            if not isinstance(word, str):
                continue
            if isinstance(setting, ServerArg) and word and not word.strip():
                message = "a blank is a word here: a backslash before one doesn't continue a line"
                action = "remove the blank"
                yield LintProblem(name or word, message, setting.location, action=action)
                continue
            told: set[str] = set()
            for char in word:
                what, instead = _ODD.get(char, ("", ""))
                if not what or what in told or (char in _DASHES and not word.startswith(char)):
                    continue
                told.add(what)
                shown = f"{what} (U+{ord(char):04X}) stands in {word}"
                action = f"write {instead}"
                yield LintProblem(name or word, shown, setting.location, action=action)


_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u2032\u2033"
_ODD = {
    **dict.fromkeys(_DASHES, ("a dash", "two hyphens, --")),
    **dict.fromkeys(_QUOTES, ("a curly quote", "a straight one, \" or '")),
    **dict.fromkeys("\u00a0\u2007\u202f", ("a no-break space", "a plain one")),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", ("a character of no width", "nothing")),
}


def config_ignored(s: Subject) -> Iterator[LintProblem]:
    """``--config=FILE``: SGLang looks for the word ``--config`` alone, and ignores the file."""
    for _, arg, argument in s.known_flags:
        if argument.dest == "config" and (arg.joined or arg.flag != "--config"):
            message = f"{s.sglang} looks for the word --config alone, so the file isn't read"
            yield on(arg, message, f"write --config {' '.join(map(str, arg.values))}")


def ambiguous(s: Subject) -> Iterator[LintProblem]:
    """An abbreviation of more than one flag: the server stops."""
    for flag, arg, match in s.flags:
        if match is not None and match.candidates:
            listed = ", ".join(match.candidates[:4]) + (" …" if len(match.candidates) > 4 else "")
            effect = f"{_stops(s)}; it may be {listed}"
            yield on(arg, f"{flag} is short for several", "write the whole flag", effect=effect)


def abbreviated(s: Subject) -> Iterator[LintProblem]:
    """An abbreviation that is clear; a warning where a release that is known takes it otherwise."""
    newest = releases()[-1]
    for flag, arg, match in s.flags:
        if match is None or not match.abbreviated:
            continue
        message, action = f"{flag} is short for {match.flag}", "write the whole flag"
        later = load(newest).argument(flag)
        if later is None or later.flag != match.flag:
            otherwise = f"SGLang {newest} takes the short one otherwise"
            yield on(arg, message, action, effect=otherwise)
        else:
            yield on(arg, message, action, Severity.NOTE)


def _use(s: Subject, arg: ServerArg, flag: str, replacement: str | None) -> str:
    """What to write in the place of a flag: with the value that it needs, and what goes with it."""
    match = s.catalogue.argument(flag)
    spelled = match.flag if match is not None and match.argument is not None else flag
    new = instead(spelled, replacement, [str(v) for v in arg.values])
    if new is None:
        return ""
    own = s.catalogue.argument(new.partition("=")[0])
    takes = own.argument if own is not None else None
    if spelled in TAKES_OVER:
        dest = _dest(s, TAKES_OVER[spelled])
        given = {a.dest: (f, x) for f, x, a in s.known_flags}
        if takes is not None and takes.dest in given:
            return "remove it"  # beside the new one it adds nothing
        if dest not in given:
            return f"use {new} with the value of {TAKES_OVER[spelled]}"
        old, other = given[dest]
        value = setting_text(other.values[0]) if len(other.values) == 1 else None
        if value is None:
            return f"use {new} with the value of {old}, and remove that, too"
        return f"use {new} {value} in place of it and {old} {value}"
    if "=" not in new and not arg.values and takes is not None and takes.takes_value:
        return f"use {new} with a value" + (
            f" ({', '.join(takes.choices)})" if takes.choices else ""
        )
    if arg.values and takes is not None and not takes.takes_value:
        return f"use {new}, without a value"
    return f"use {new}"


def _dest(s: Subject, flag: str) -> str:
    match = s.catalogue.argument(flag)
    return match.argument.dest if match is not None and match.argument is not None else flag


def deprecated_flag(s: Subject) -> Iterator[LintProblem]:
    """A flag, or a value, that SGLang warns about, or refuses."""
    for flag, arg, argument in s.known_flags:
        use = _use(s, arg, flag, argument.replacement)
        if argument.refused:
            message = f"{s.sglang} stops on {flag}, which is gone"
            yield on(arg, message, use or "remove it", Severity.ERROR)
        elif argument.deprecated:
            yield on(arg, f"{s.sglang} calls {flag} deprecated", use or "do without it")
        aliases = dict(argument.value_aliases)
        for old in [v for v in arg.values if isinstance(v, str) and v in aliases]:
            yield on(arg, f'{flag}: "{old}" is an old name', f'use "{aliases[old]}"')


def invalid_flag(s: Subject) -> Iterator[LintProblem]:
    """A value of the wrong type, not among the choices, missing or too many: the server stops.

    So it does on a second ``--config``, and on what its file may not give.
    """
    args = s.config.args or ()
    files = [a for a in args if a.flag == "--config" and not a.joined]
    for arg in files[1:]:
        yield on(arg, "this is a second --config", "remove one", effect=_stops(s))
    for index, arg in enumerate(args):
        if arg.origin.name == "config" and (why := _refused_from_file(s, arg.flag or "")):
            action = "give it on the command line"
            yield on(arg, f"{arg.flag}: {why}", action, effect=_stops(s))
            continue
        known = words(arg)
        follows = args[index + 1] if index + 1 < len(args) else None
        if arg.flag is None or known is None or _open(follows):
            continue
        problem = invalid_arg(s.catalogue, known)
        if problem is not None:
            yield _refused_value(s, arg, problem)


def _refused_value(s: Subject, arg: ServerArg, problem: str) -> LintProblem:
    """What the parser refuses; the choices that a flag has stand below."""
    what, listed, choices = problem.partition(" isn't one of ")
    if not listed:
        return on(arg, f"{arg.flag}: {problem}", "mend its value", effect=_stops(s))
    near = did_you_mean(what.strip('"'), choices.split(", "))
    action = f"did you mean {near}?" if near else "write one of its values"
    effect = f"{_stops(s)}; its values are {choices}"
    return on(arg, f"{arg.flag}: {what} is none of its values", action, effect=effect)


# The first release that looks at every spelling of a flag in a file, and not at its name alone.
_BY_SPELLING = "0.5.23"


def _refused_from_file(s: Subject, flag: str) -> str | None:
    """Why a file for ``--config`` may not give a flag; None where it may, or it isn't known.

    Source: ConfigArgumentMerger, sglang/srt/utils/server_args_config_parser.py.
    """
    name = flag.removeprefix("--").replace("-", "_")
    by_spelling = _BY_SPELLING in s.older or s.catalogue.release == _BY_SPELLING
    refused: list[Argument] = []
    taken = False
    for argument in s.catalogue.arguments.values():
        names = {argument.dest}
        if by_spelling:
            names.update(f.removeprefix("--").replace("-", "_") for f in argument.flags)
        if name not in names:
            continue
        one = by_spelling and argument.nargs is None
        if argument.action in ("store", "store_true") or one:
            taken = True
        else:
            refused.append(argument)
    if not refused or (by_spelling and taken):
        return None
    whose = "" if refused[0].flag == flag else f", as {refused[0].flag} goes by the same name"
    return f"a file for --config may not give it{whose} ({refused[0].action})"


def _open(arg: ServerArg | None) -> bool:
    """Whether the words may be values of the flag before them."""
    return arg is not None and arg.flag is None and any(isinstance(v, Unknown) for v in arg.values)


def default_flag(s: Subject) -> Iterator[LintProblem]:
    """A value that SGLang would use anyway."""
    for arg in s.config.args or ():
        if arg.flag is not None and all(isinstance(w, str) for w in arg.words):
            reason = arg_equals_default(s.catalogue, words(arg) or [])
            if reason is not None:
                yield on(arg, f"{arg.flag} needn't be given", "remove it", effect=reason)


def conflict(s: Subject) -> Iterator[LintProblem]:
    """Two settings that contradict each other."""
    given = {argument.flag: arg for _, arg, argument in s.known_flags}
    known = {*s.older, s.catalogue.release}
    for one, two, first, last in REFUSED_PAIRS:
        if one not in given or two not in given or first not in known or last in s.older:
            continue
        if not together(given[one], given[two]):
            continue
        yield LintProblem(
            one, f"{s.sglang} stops when {one} and {two} are both given", given[one].location,
            given[two].location, Severity.ERROR, given[one].condition or given[two].condition,
            "remove one of them",
        )  # fmt: skip
    env = {e.name: e for e in s.env}
    for e in env.values():
        variable = s.catalogue.variable(e.name)
        flag = variable.replaced_by if variable else None
        if flag in given and together(e, given[flag]):
            yield LintProblem(
                e.name,
                f"{e.name} and {flag} set the same, and both are given",
                e.location,
                given[flag].location,
                condition=e.condition,
                action="remove the variable",
            )
    yield from _opposites(s)


def _opposites(s: Subject) -> Iterator[LintProblem]:
    seen: dict[str, tuple[str, ServerArg]] = {}
    for flag, arg, argument in s.known_flags:
        if argument.action != "BooleanOptionalAction":
            continue
        match = s.catalogue.argument(flag)
        spelled = match.flag if match else flag
        before = seen.get(argument.dest)
        opposite = before and before[0].startswith("--no-") != spelled.startswith("--no-")
        if before is not None and opposite and together(before[1], arg):
            yield LintProblem(
                flag,
                f"{before[1].flag} is given before, {flag} is the opposite: the last wins",
                arg.location,
                before[1].location,
                condition=arg.condition,
                action="remove one of them",
            )
        seen[argument.dest] = spelled, arg
