"""Variables and special parameters: reading and setting them, with what isn't known kept apart."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeAlias

from dsv4_env.guard.files import is_file, real
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import (
    MAX_TEXT,
    Event,
    FatalError,
    Items,
    Scope,
    State,
    Var,
    refusal,
)
from dsv4_env.lang.bash.expand.tables import Elements
from dsv4_env.lang.bash.expand.values import Symbol, Text, identity
from dsv4_env.model import Location, Note
from dsv4_env.model.condition import Test

# Set by bash itself: never unset, and of a value that only a running shell knows.
OWN = frozenset(
    "BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND "
    "BASH_EXECUTION_STRING BASH_LINENO BASH_LOADABLES_PATH BASH_SOURCE BASH_SUBSHELL "
    "BASH_VERSINFO BASH_VERSION COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME "
    "GROUPS HISTCMD HOSTNAME HOSTTYPE LINENO MACHTYPE OLDPWD OPTERR OSTYPE PATH PIPESTATUS PPID "
    "PS4 PWD RANDOM SECONDS SHELL SHELLOPTS SHLVL SRANDOM TERM UID _ HOME USER LOGNAME".split()
)
_CHANGING = frozenset(
    "RANDOM SRANDOM SECONDS EPOCHSECONDS EPOCHREALTIME LINENO BASHPID _ BASH_COMMAND PIPESTATUS "
    "OLDPWD PWD FUNCNAME BASH_SUBSHELL BASH_LINENO HISTCMD DIRSTACK".split()
)
DEFAULTS = {"IFS": " \t\n", "OPTIND": "1"}
_ALL = re.compile(r"\$@|\$\{@:\d+\}")  # all arguments of the script
Lookup: TypeAlias = tuple["bool | None", Text]  # whether it's set, and the value


def outside_value(vm: Machine, state: State, name: str) -> Symbol:
    """The value that a variable has outside; one object per name, but for those that change."""
    if name in _CHANGING:
        state.seq += 1
        return vm.unknown(f"${{{name}}}", "set by bash itself", ("own", name, state.seq))
    state.asked[name] = True
    place = f"{state.world}:{name}"
    found = vm.outside.get(place)
    if found is None:
        reason = "set by bash or the system" if name in OWN else "not set in the script"
        found = vm.unknown(f"${{{name}}}", reason, ("outside", place), names=(name,))
        vm.outside[place] = found
    return found


def find_variable(vm: Machine, state: State, name: str) -> Var | None:
    """The variable; None where it isn't set, and a *maybe* one where it comes from outside."""
    var = state.vars.get(name)
    if var is not None:
        if var.kind == "n":
            name = referent(state, name)
            return find_variable(vm, state, name) if name else None
        return var
    if name in OWN:
        # HOME, USER, … come from outside like any other, but never "unset" by mere silence.
        return Var("s", outside_value(vm, state, name))
    if name in DEFAULTS:
        return Var("s", DEFAULTS[name])
    if state.open:
        return Var("s", outside_value(vm, state, name), maybe=True)
    return None


def referent(state: State, name: str) -> str:
    """The variable that a name stands for (``declare -n``)."""
    for _ in range(10):
        var = state.vars.get(name)
        if var is None or var.kind != "n":
            return name
        name = str(var.value)
    return ""  # a circle


def settle(state: State, value: Text) -> Text:
    """The value with what has been decided on this path."""
    if isinstance(value, Symbol) and state.solved:
        return state.solved.get(value.number, value)
    return value


def is_set(state: State, var: Var | None) -> bool | None:
    """Whether ``${name+x}`` gives x; None when that isn't known."""
    if var is None or var.kind == "":
        return False
    if var.kind != "s":
        if var.items is None or ragged_array(var):
            return None
        return (0 if var.kind == "a" else "0") in var.items
    if var.maybe and isinstance(var.value, Symbol):
        solved = state.solved.get(var.value.number)
        if solved or state.decided.get(("empty", var.value.number)) is False:
            return True
        return state.decided.get(("set", var.value.number))
    return None if var.maybe else True


def separators(vm: Machine, state: State) -> Text:
    """What words are split at: IFS, and its default where it's unset."""
    var = state.vars.get("IFS")
    return DEFAULTS["IFS"] if var is None or not var.kind else scalar_value(vm, state, "IFS")


def scalar_value(vm: Machine, state: State, name: str) -> Text:
    """What ``$name`` gives, "" where it isn't set."""
    var = find_variable(vm, state, name)
    if var is None or var.kind == "":
        return ""
    if var.kind == "s":
        return settle(state, var.value)
    return array_value(vm, state, name, var, "0")


def _ragged(value: Text) -> bool:
    return isinstance(value, Symbol) and value.splits


def array_values(vm: Machine, state: State, name: str) -> list[Text]:
    """What ``"${name[@]}"`` gives."""
    var = find_variable(vm, state, name)
    if var is None or var.kind == "":
        return []
    if var.kind == "s":
        if is_set(state, var) is None:
            text = f"${{{name}[@]}}"
            return [vm.derived(text, [var.value], splits=True)]
        return [settle(state, var.value)]
    if var.items is None or (var.kind == "A" and len(var.items) > 1):
        return [unknown_array(vm, state, name, var)]
    if var.kind == "A":
        return [settle(state, v) for v in var.items.values()]
    vm.budget.step(count=len(var.items) >> 2)
    return [settle(state, var.items[k]) for k in sorted_keys(var.items)]


def unknown_array(vm: Machine, _state: State, name: str, var: Var, form: str = "[@]") -> Symbol:
    """What an array expands to whose elements, or their order, aren't known."""
    text = f"${{{name}{form}}}"
    if var.items is None and isinstance(var.value, Symbol):
        return vm.unknown(text, var.value.reason, ("all", form, var.value.number), splits=True)
    reason = "the order of an associative array's elements is bash's own"
    values = tuple(map(identity, (var.items or {}).values()))
    return vm.unknown(text, reason, ("all", form, tuple(var.items or ()), values), splits=True)


def sorted_keys(items: Items) -> list[int | str]:
    """The keys of an indexed array in order."""
    keys = list(items)
    return sorted(keys, key=lambda k: k if isinstance(k, int) else 0)


def array_value(vm: Machine, state: State, name: str, var: Var, key: str) -> Text:
    """What ``${name[key]}`` gives; *key* is a number as text for an indexed array."""
    if var.kind in ("s", ""):
        if key != "0":
            return "" if not var.maybe else vm.derived(f"${{{name}[{key}]}}", [var.value])
        return settle(state, var.value)
    if var.items is None:
        base = var.value if isinstance(var.value, Symbol) else name
        reason = base.reason if isinstance(base, Symbol) else "the array isn't known"
        return vm.unknown(f"${{{name}[{key}]}}", reason, ("item", identity(base), key))
    if var.kind == "A":
        return settle(state, var.items.get(key, ""))
    index = int(key)
    if index >= 0 and not ragged_array(var):
        return settle(state, var.items.get(index, ""))
    keys = sorted_keys(var.items)
    ragged = (
        next(i for i, k in enumerate(keys) if _ragged(var.items[k])) if ragged_array(var) else None
    )
    if ragged is not None and (index < 0 or index >= int(keys[ragged])):
        return vm.derived(f"${{{name}[{key}]}}", [f"[{key}]", *var.items.values()])
    if index < 0:
        index += int(keys[-1]) + 1 if keys else 0
        if index < 0:
            return ""
    return settle(state, var.items.get(index, ""))


def ragged_array(var: Var) -> bool:
    """Whether the number of an array's elements isn't known."""
    items = var.items
    if isinstance(items, Elements):
        return items.ragged
    return items is None or any(_ragged(v) for v in items.values())


def highest(items: Items) -> int:
    """The greatest index of an indexed array, -1 where it has no elements."""
    if isinstance(items, Elements):
        return items.highest
    return max((int(k) for k in items), default=-1)


def wrap(number: int) -> int:
    """The number as 64 bits hold it."""
    return (number + 2**63) % 2**64 - 2**63


def assign(
    vm: Machine,
    state: State,
    name: str,
    value: Text,
    *,
    append: bool = False,
    location: Location | None = None,
    spelled: str | None = None,
) -> None:
    """``name=value`` or ``name+=value``."""
    name = referent(state, name)
    if not name:
        return
    var = state.vars.get(name)
    if var is not None and var.readonly:
        raise FatalError(discard=True, readonly=True)
    if var is not None and var.kind in ("a", "A"):
        assign_item(vm, state, name, "0", value, append=append)
        return
    old = var
    if var is not None and var.vague:
        state.seq += 1
        key = ("vague", name, state.seq)
        value = vm.unknown(f"${{{name}}}", "it may be readonly or an integer there", key)
    if append and var is None:
        var = find_variable(vm, state, name)
    value = converted(vm, state, var, value)
    if append and var is not None and var.kind == "s":
        value = appended(vm, state, var, settle(state, var.value), value)
    value = _sized(vm, state, value, location)
    if old is None and state.open and vm.watch.variable(name):
        state.asked[name] = True  # where it's exported outside, this is what commands get
    store(state, name, old, value, location, spelled)


def _sized(vm: Machine, state: State, value: Text, place: Location | None) -> Text:
    """The value, left unknown where it's too long."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        why = f"a variable grows beyond {MAX_TEXT:,} characters"
        vm.skipped.append(Note(why, place or Location(state.source.path)))
        return vm.long([value])
    return value


def appended(vm: Machine, state: State, var: Var, before: Text, value: Text) -> Text:
    """What ``+=`` gives of a value that is as the variable's attributes make it."""
    if not var.integer:
        return value if before == "" else converted(vm, state, var, vm.join([before, value]))
    left = converted(vm, state, var, before)
    if isinstance(left, str) and isinstance(value, str):
        return str(wrap(int(left) + int(value)))
    return vm.unknown(f"$(({left} + {value}))", "arithmetic", ("sum", str(left), str(value)))


def converted(vm: Machine, state: State, var: Var | None, value: Text) -> Text:
    """The value as the variable's attributes make it; an integer's may be no expression."""
    if var is None or not (var.integer or var.case):
        return value
    if isinstance(value, Symbol):
        return vm.derived(value.text, [value, "converted"])
    if var.integer:
        return integer(vm, state, value)
    return value.upper() if var.case == "u" else value.lower()


def integer(vm: Machine, state: State, value: str) -> Text:
    """What a text is as the value of an integer variable."""
    try:
        return vm.number(state, value, f"$(({value}))")
    except FatalError as fatal:
        fatal.whole = fatal.discard
        raise


def store(
    state: State,
    name: str,
    old: Var | None,
    value: Text,
    location: Location | None,
    spelled: str | None,
) -> None:
    """Give a scalar variable a value, and remember when and where."""
    state.seq += 1
    before = old.event if old is not None else None
    text = spelled if spelled is not None else (value if isinstance(value, str) else value.text)
    event = Event(state.seq, value, location, text, before)
    exported = "allexport" in state.opts
    if old is None:
        # Asked for from outside, it's likely to be there: then it's exported, and stays so.
        asked = not exported and state.open and name in state.asked
        perhaps = Test(name, "outside") if asked else None
        state.vars[name] = Var("s", value, exported=exported, event=event, perhaps=perhaps)
    else:
        exported = exported or old.exported
        state.vars[name] = replace(
            old, kind="s", value=value, items=None, exported=exported, maybe=False, event=event
        )


def assign_item(
    vm: Machine, state: State, name: str, key: str | Symbol, value: Text, *, append: bool = False
) -> None:
    """``name[key]=value``."""
    name = referent(state, name)
    var = state.vars.get(name)
    if var is not None and var.readonly:
        raise FatalError(discard=True, readonly=True)
    value = converted(vm, state, var, value)
    if var is None:
        var = Var("a", items={})
    elif var.kind == "":
        var = replace(var, kind="a", items={})
    elif var.kind == "s":
        var = replace(var, kind="a", items={0: var.value}, value="")
    if (
        isinstance(key, Symbol)
        or var.items is None
        or var.vague
        or (var.kind == "a" and ragged_array(var))
    ):
        state.seq += 1
        unknown = vm.unknown(
            f"${{{name}[@]}}",
            "an element of unknown index was set",
            ("array", name, state.seq),
            splits=True,
        )
        state.vars[name] = replace(var, items=None, value=unknown)
        return
    real: int | str = key
    if var.kind == "a":
        real = int(key)
        if real < 0:
            real += highest(var.items) + 1
            if real < 0:
                raise refusal(state)
    if append:
        value = appended(vm, state, var, var.items.get(real, ""), value)
    state.seq += 1
    items = var.items if isinstance(var.items, Elements) else Elements(var.items)
    if real in items:  # all of it is copied
        vm.budget.step(state.source, len(items) >> 5)
    state.vars[name] = replace(var, items=items.plus(real, value))


def restore(state: State, before: dict[str, Var | None]) -> None:
    """Undo temporary assignments."""
    for name, old in before.items():
        if old is None:
            state.vars.pop(name, None)
        else:
            state.vars[name] = old


def unset(state: State, name: str) -> None:
    """``unset name``."""
    var = state.vars.get(name)
    if var is not None and var.readonly:
        return
    scope = state.scopes[-1] if state.scopes else Scope()
    if name not in scope.outer or name in scope.given - scope.declared:
        for around in reversed(state.scopes):
            if name in around.outer:  # an assignment before the call or a caller's local: undone
                restore(state, {name: around.outer.pop(name)})
                around.given -= {name}
                around.declared -= {name}
                around.escaped -= {name}
                return
    state.vars[name] = Var("")  # a local stays local, without a value


def havoc(
    vm: Machine,
    state: State,
    names: list[str],
    reason: str,
    *,
    default: bool = False,
    deciders: tuple[str, ...] = (),
    quiet: bool = False,
) -> None:
    """Make variables unknown; *default*: with what they are now as the default.

    *deciders* are outside names that decide them. *quiet*: a variable that only came from outside
    isn't said to be set here.
    """
    vm.budget.step(count=8 * len(names))
    for name in names:
        var = find_variable(vm, state, name)
        if var is not None and var.readonly:
            continue
        state.seq += 1
        if var is not None and var.kind in ("a", "A"):
            array = vm.unknown(f"${{{name}[@]}}", reason, ("lost", name, state.seq), splits=True)
            state.vars[name] = replace(var, items=None, value=array)
            continue
        before = settle(state, var.value) if var is not None and var.kind else None
        initial = before if isinstance(before, str) else None
        names_ = (*deciders, *(before.names if isinstance(before, Symbol) else ()))
        if isinstance(before, Symbol):
            initial = before.default
        value = vm.unknown(
            f"${{{name}}}",
            reason,
            ("lost", name, state.seq),
            names=names_,
            default=initial if default else None,
        )
        maybe = var is None or var.kind == "" or var.maybe
        state.vars[name] = replace(
            var or Var("s"),
            kind="s",
            value=value,
            maybe=maybe,
            event=_lost(state, var, value, quiet=quiet),
        )


def _lost(state: State, var: Var | None, value: Text, *, quiet: bool) -> Event | None:
    """An exported variable that may have been changed: the place it was last set at stays."""
    before = var.event if var is not None else None
    if before is None:
        text = value if isinstance(value, str) else value.text
        return None if quiet else Event(state.seq, value, None, text)
    return Event(state.seq, value, before.location, before.spelled, before)


def positional(vm: Machine, state: State, name: str) -> Lookup:
    """``$1``, ``$#`` and the other special parameters."""
    given = state.params
    if name.isdigit() and name != "0" and len(name) < 19:
        index = int(name) - 1
        if given is None:
            real = str(int(name) + state.shifted)
            return None, vm.unknown(
                f"${{{real}}}" if len(real) > 1 else f"${real}",
                "an argument of the script",
                ("arg", real, *state.given),
                names=(real,) if not state.given else ("@",),
            )
        for i, value in enumerate(given):
            if isinstance(value, Symbol) and value.splits and i <= index:
                default = _without(vm, given, index)
                parts = [f"argument {name}", *given]
                return None, vm.derived(f"${name}", parts, default=default)
        return (True, settle(state, given[index])) if index < len(given) else (False, "")
    if name == "#":
        if given is None:
            own = ("arg", "#", state.shifted, *state.given)
            return True, vm.unknown("$#", "a number", own, names=("#",))
        if any(isinstance(v, Symbol) and v.splits for v in given):
            return True, vm.unknown("$#", "a number", ("count", *map(identity, given)))
        return True, str(len(given))
    if name == "?":
        if isinstance(state.status, int):
            return True, str(state.status)
        known = state.decided.get(state.status.key)
        if known is True:
            return True, "0"
        return True, vm.unknown("$?", "a number", ("status?", *state.status.key))
    state.seq += 1
    if name == "-":
        return True, vm.unknown("$-", "the shell's options", ("own", name, state.seq))
    if name == "0" and state.zero is not None:
        return True, state.zero
    if name == "0":
        return True, script_path(vm, state, "$0")
    return True, vm.unknown(f"${name}", "set by bash itself", ("own", name, state.seq))


def _without(vm: Machine, given: list[Text], index: int) -> str | None:
    """An argument as it is where the script itself gets none; None where that isn't known."""
    if any(isinstance(v, Symbol) and len(v.parts) > 1 for v in given):
        return None  # $*'' is a word
    left = [v for v in given if isinstance(v, str) or not _ALL.fullmatch(v.text)]
    one = left[index] if index < len(left) else None
    if any(isinstance(v, Symbol) and v.splits for v in left):
        return None
    return one.default if isinstance(one, Symbol) else one


def unknown_params(state: State, origin: object, where: str = "", *, own: bool = False) -> None:
    """From here on the arguments aren't known; *own*: some of the script's own, if any."""
    state.params = None
    state.shifted = 0
    state.given = (own, origin, where, state.seq)


def own_params(state: State) -> bool:
    """Whether there are no arguments where the script itself gets none."""
    return state.params is None and (not state.given or bool(state.given[0]))


def script_path(vm: Machine, state: State, text: str) -> Symbol:
    """``$0`` and ``${BASH_SOURCE[0]}``: not known, but the file is."""
    path = state.source.path
    file = real(path) if vm.root is not None and not state.world else None
    if file is not None and not is_file(file):
        file = None
    key = ("own", text, path, file is not None)
    return vm.unknown(text, "how the script is called", key, names=("0",), path=file)


def all_params(vm: Machine, state: State) -> list[Text]:
    """What ``"$@"`` gives."""
    if state.params is None:
        return [
            vm.unknown(
                "$@" if not state.shifted else f"${{@:{state.shifted + 1}}}",
                "the script's arguments",
                ("arg", "@", *state.given),
                names=("@",),
                splits=True,
            )
        ]
    vm.budget.step(count=len(state.params) >> 2)
    return [settle(state, v) for v in state.params]
