"""Reading variables, with what isn't known kept apart."""

from __future__ import annotations

from dsv4_env.lang.bash.layers import Elements
from dsv4_env.lang.bash.state import Items, Run, State, Var
from dsv4_env.model import Unknown, Value

# Set by bash itself: never unset, and of a value that only a running shell knows.
OWN = frozenset(
    [
        "BASH",
        "BASHOPTS",
        "BASHPID",
        "BASH_ALIASES",
        "BASH_ARGC",
        "BASH_ARGV",
        "BASH_ARGV0",
        "BASH_CMDS",
        "BASH_COMMAND",
        "BASH_EXECUTION_STRING",
        "BASH_LINENO",
        "BASH_LOADABLES_PATH",
        "BASH_SOURCE",
        "BASH_SUBSHELL",
        "BASH_VERSINFO",
        "BASH_VERSION",
        "COMP_WORDBREAKS",
        "DIRSTACK",
        "EPOCHREALTIME",
        "EPOCHSECONDS",
        "EUID",
        "FUNCNAME",
        "GROUPS",
        "HISTCMD",
        "HOSTNAME",
        "HOSTTYPE",
        "LINENO",
        "MACHTYPE",
        "OLDPWD",
        "OPTERR",
        "OSTYPE",
        "PATH",
        "PIPESTATUS",
        "PPID",
        "PS4",
        "PWD",
        "RANDOM",
        "SECONDS",
        "SHELL",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "TERM",
        "UID",
        "_",
        "HOME",
        "USER",
        "LOGNAME",
    ]
)


_CHANGING = frozenset(
    [
        "RANDOM",
        "SRANDOM",
        "SECONDS",
        "EPOCHSECONDS",
        "EPOCHREALTIME",
        "LINENO",
        "BASHPID",
        "_",
        "BASH_COMMAND",
        "PIPESTATUS",
        "OLDPWD",
        "PWD",
        "FUNCNAME",
        "BASH_SUBSHELL",
        "BASH_LINENO",
        "HISTCMD",
        "DIRSTACK",
    ]
)


DEFAULTS = {"IFS": " \t\n", "OPTIND": "1"}


def outside(state: State, run: Run, name: str) -> Unknown:
    """The value that a variable has outside; one object per name, but for those that change."""
    if name in _CHANGING:
        state.seq += 1
        return run.unknown(f"${{{name}}}", "set by bash itself", ("own", name, state.seq))
    state.asked[name] = True
    place = f"{state.world}:{name}"
    found = run.outside.get(place)
    if found is None:
        reason = "set by bash or the system" if name in OWN else "not set in the script"
        found = run.outside[place] = Unknown(f"${{{name}}}", reason, (name,))
    return found


def find(state: State, run: Run, name: str) -> Var | None:
    """The variable; None where it isn't set, and a *maybe* one where it comes from outside."""
    var = state.vars.get(name)
    if var is not None:
        if var.kind == "n":
            name = target(state, name)
            return find(state, run, name) if name else None
        return var
    if name in OWN:
        # HOME, USER, … come from outside like any other, but never "unset" by mere silence.
        return Var("s", outside(state, run, name))
    if name in DEFAULTS:
        return Var("s", DEFAULTS[name])
    if state.open:
        return Var("s", outside(state, run, name), maybe=True)
    return None


def target(state: State, name: str) -> str:
    """The variable that a name stands for (``declare -n``)."""
    for _ in range(10):
        var = state.vars.get(name)
        if var is None or var.kind != "n":
            return name
        name = str(var.value)
    return ""  # a circle


def settle(state: State, value: Value) -> Value:
    """The value with what has been decided on this path."""
    if isinstance(value, Unknown) and state.solved:
        return state.solved.get(id(value), value)
    return value


def is_set(state: State, var: Var | None) -> bool | None:
    """Whether ``${name+x}`` gives x; None when that isn't known."""
    if var is None or var.kind == "":
        return False
    if var.kind != "s":
        if var.items is None or ragged_array(var):
            return None
        return (0 if var.kind == "a" else "0") in var.items
    if var.maybe and isinstance(var.value, Unknown):
        solved = state.solved.get(id(var.value))
        if solved or state.decided.get(("empty", id(var.value))) is False:
            return True
        return state.decided.get(("set", id(var.value)))
    return None if var.maybe else True


def separators(state: State, run: Run) -> Value:
    """What words are split at: IFS, and its default where it's unset."""
    var = state.vars.get("IFS")
    return DEFAULTS["IFS"] if var is None or not var.kind else scalar(state, run, "IFS")


def scalar(state: State, run: Run, name: str) -> Value:
    """What ``$name`` gives, "" where it isn't set."""
    var = find(state, run, name)
    if var is None or var.kind == "":
        return ""
    if var.kind == "s":
        return settle(state, var.value)
    return element(state, run, name, var, "0")


def _ragged(value: Value) -> bool:
    return isinstance(value, Unknown) and value.splits


def elements(state: State, run: Run, name: str) -> list[Value]:
    """What ``"${name[@]}"`` gives."""
    var = find(state, run, name)
    if var is None or var.kind == "":
        return []
    if var.kind == "s":
        if is_set(state, var) is None:
            text = f"${{{name}[@]}}"
            return [run.derived(text, [var.value], splits=True)]
        return [settle(state, var.value)]
    if var.items is None or (var.kind == "A" and len(var.items) > 1):
        return [unknown_array(state, run, name, var)]
    if var.kind == "A":
        return [settle(state, v) for v in var.items.values()]
    run.budget.step(count=len(var.items) >> 2)
    return [settle(state, var.items[k]) for k in ordered(var.items)]


def unknown_array(_state: State, run: Run, name: str, var: Var, form: str = "[@]") -> Unknown:
    """What an array expands to whose elements, or their order, aren't known."""
    text = f"${{{name}{form}}}"
    if var.items is None and isinstance(var.value, Unknown):
        return run.unknown(text, var.value.reason, ("all", form, id(var.value)), splits=True)
    reason = "the order of an associative array's elements is bash's own"
    values = tuple(id(v) if isinstance(v, Unknown) else v for v in (var.items or {}).values())
    return run.unknown(text, reason, ("all", form, tuple(var.items or ()), values), splits=True)


def ordered(items: Items) -> list[int | str]:
    """The keys of an indexed array in order."""
    keys = list(items)
    return sorted(keys, key=lambda k: k if isinstance(k, int) else 0)


def element(state: State, run: Run, name: str, var: Var, key: str) -> Value:
    """What ``${name[key]}`` gives; *key* is a number as text for an indexed array."""
    if var.kind in ("s", ""):
        if key != "0":
            return "" if not var.maybe else run.derived(f"${{{name}[{key}]}}", [var.value])
        return settle(state, var.value)
    if var.items is None:
        base = var.value if isinstance(var.value, Unknown) else name
        ident = id(base) if isinstance(base, Unknown) else base
        reason = base.reason if isinstance(base, Unknown) else "the array isn't known"
        return run.unknown(f"${{{name}[{key}]}}", reason, ("item", ident, key))
    if var.kind == "A":
        return settle(state, var.items.get(key, ""))
    index = int(key)
    if index >= 0 and not ragged_array(var):
        return settle(state, var.items.get(index, ""))
    keys = ordered(var.items)
    ragged = (
        next(i for i, k in enumerate(keys) if _ragged(var.items[k])) if ragged_array(var) else None
    )
    if ragged is not None and (index < 0 or index >= int(keys[ragged])):
        return run.derived(f"${{{name}[{key}]}}", [f"[{key}]", *var.items.values()])
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
