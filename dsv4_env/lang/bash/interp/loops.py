"""Loops: run through where their words and tests are known, left unknown where they aren't."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dsv4_env.lang.bash.expand.arithmetic import arithmetic
from dsv4_env.lang.bash.expand.assignments import as_words, assigned
from dsv4_env.lang.bash.expand.decisions import decide
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import emit_unknown
from dsv4_env.lang.bash.expand.state import FatalError, ForkError, State, Undecided
from dsv4_env.lang.bash.expand.tables import Elements
from dsv4_env.lang.bash.expand.values import Symbol, Text, identity
from dsv4_env.lang.bash.expand.variables import (
    OWN,
    all_params,
    assign,
    havoc,
    own_params,
    ragged_array,
    unknown_params,
)
from dsv4_env.lang.bash.interp.asides import let_go
from dsv4_env.lang.bash.interp.paths import (
    after_error,
    branch,
    forking_on,
    join_attributes,
    merge_paths,
    with_errexit,
)
from dsv4_env.lang.bash.syntax.nodes import (
    Assign,
    Block,
    For,
    ForArith,
    Item,
    Lit,
    Param,
    Simple,
    While,
    Word,
)
from dsv4_env.model import Note
from dsv4_env.model.condition import Test

MAX_ROUNDS = 1000
MAX_LEFT = 16
MAX_PATHS = 64
_SHARE = 8  # of the budget that one loop may use up: an eighth


def counted(handler: Callable[[Machine, Any, State], list[State]]) -> Any:
    """A loop, in which ``break`` means something."""

    def followed(vm: Machine, node: Any, state: State) -> list[State]:
        outer = state.loops, state.rounds
        state.loops, state.rounds = state.loops + 1, (*state.rounds, 0)
        try:
            found = handler(vm, node, state)
        finally:
            state.loops, state.rounds = outer
        for after in found:
            after.loops, after.rounds = outer
        return found

    return followed


def _leaves(state: State) -> bool:
    """Whether the loop is left, with the flow taken care of."""
    if state.flow is None:
        return False
    kind, count = state.flow
    if kind == "break":
        state.flow = None if count <= 1 else ("break", count - 1)
    elif kind == "continue":
        state.flow = None if count <= 1 else ("continue", count - 1)
        return count > 1
    return True


def for_words(vm: Machine, node: For, state: State) -> list[State]:
    """``for name in words``; ``select`` is never known."""

    def words(state: State) -> list[Text]:
        if node.words is None:
            return all_params(vm, state)
        return [v for word in node.words for v in as_words(vm, state, word)]

    if names := _exported_alone(node, state):
        states = _for_each(vm, node, state, list[Text](names))
        for after in states:
            _forget_last(vm, node, after, names)
        return merge_paths(vm, states)
    if (collected := _collected(node, state)) is not None:
        return _collect(vm, node, state, *collected)
    found: list[State] = []
    for path, values in forking_on(vm, state, words):
        if values is None:
            found.append(path)
            continue
        if not values:
            path.status = 0
        found += _for_each(vm, node, path, values)
    return merge_paths(vm, found)


_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def _exported_alone(node: For, state: State) -> list[str]:
    """The keys of an associative array, where a loop only exports each by its own name.

    In ``for k in "${!E[@]}"; do export "$k=${E[$k]}"; done`` their order makes no difference.
    """
    match node.words, node.body.items:
        case (
            [Word(parts=[Param(name=array, quoted=True, kind="!", op="", sub=Word(plain="@"))])],
            [Simple(assigns=[], words=[Word(plain="export"), Word(parts=parts)], redirs=[])],
        ):
            pass
        case _:
            return []
    held = state.vars.get(array)
    if held is None or held.kind != "A" or ragged_array(held) or "export" in state.funcs:
        return []
    keys = [str(k) for k in held.items or ()]
    match parts:
        case [Param(text=key, quoted=True), Lit(text="="), Param(text=value, quoted=True)]:
            name = node.name
            said = key in (f"${name}", f"${{{name}}}") and value in (
                f"${{{array}[{key}]}}",
                f'${{{array}["{key}"]}}',
            )
            free = _is_free(state, name, array) and all(
                _is_free(state, k, name, array) for k in keys
            )
            return keys if said and free else []
    return []


_ORDER = "the order of an associative array's elements is bash's own"


def _forget_last(vm: Machine, node: For, state: State, keys: list[str]) -> None:
    """Leave unknown which key a loop had last."""
    last = vm.unknown(f"${{{node.name}}}", _ORDER, ("last", node, tuple(keys)))
    assign(vm, state, node.name, last, location=None, spelled=last.text)


def _collected(node: For, state: State) -> tuple[str, list[str], list[Word]] | None:
    """The array, the keys and the words of a loop that only appends words for each key.

    In ``for k in "${!E[@]}"; do args+=(-e "$k=${E[$k]}"); done`` only the order of the words
    behind it isn't known.
    """
    match node.words:
        case [Word(parts=[Param(name=array, quoted=True, kind="!", op="", sub=Word(plain="@"))])]:
            pass
        case _:
            return None
    items, names = list[Item](), set[str]()
    for command in node.body.items:
        match command:
            case Simple(
                assigns=[Assign(name=name, sub=None, append=True, value=list(more))],
                words=[],
                redirs=[],
            ):
                items += more
                names.add(name)
            case _:
                return None
    if len(names) != 1:
        return None
    (to,) = names
    held, into = state.vars.get(array), state.vars.get(to)
    if held is None or held.kind != "A" or ragged_array(held) or not held.items:
        return None
    if into is None or into.kind != "a" or into.items is None or to in (array, node.name):
        return None
    if into.readonly or into.vague or into.integer or into.case or len(held.items) < 2:
        return None
    words = [w for item in items for w in item.words]
    plain = all(item.sub is None and item.braced is None for item in items)
    keys = [str(k) for k in held.items]
    if not plain or not all(_is_of_key(w, node.name, array) for w in words):
        return None
    if not _is_free(state, node.name, array, to) or len(into.items) + len(keys) > MAX_ROUNDS:
        return None
    return to, keys, words


def _is_of_key(word: Word, key: str, array: str) -> bool:
    """Whether a word is made of nothing but text, the key and the element of that key."""

    def known(part: object) -> bool:
        match part:
            case Lit():
                return True
            case Param(quoted=True, kind="", op="", name=name, text=text, sub=sub):
                element = {f"${{{array}[{k}]}}" for k in (f"${key}", f"${{{key}}}", f'"${key}"')}
                return (name == key and sub is None) or (name == array and text in element)
        return False

    return not word.doubtful and (word.plain is not None or all(map(known, word.parts)))


def _collect(
    vm: Machine, node: For, state: State, to: str, keys: list[str], words: list[Word]
) -> list[State]:
    """Append the words of all keys to an array, in an order that isn't known."""

    def groups(state: State) -> tuple[tuple[Text, ...], ...]:
        found = []
        for key in keys:
            assign(vm, state, node.name, key, location=None, spelled=key)
            found.append(tuple(v for word in words for v in as_words(vm, state, word)))
        return tuple(found)

    states = list[State]()
    vm.tick(state, node.body_pos, len(keys) * (1 + len(words)))
    for path, shuffled in forking_on(vm, state, groups):
        if shuffled is not None:
            same = ("shuffled", node, tuple(tuple(map(identity, g)) for g in shuffled))
            all_of = vm.unknown(f"${{{to}[@]}}", _ORDER, same, splits=True, shuffled=shuffled)
            var = path.vars[to]
            items = Elements(var.items or {})
            path.vars[to] = replace(var, items=items.plus(items.highest + 1, all_of))
            _forget_last(vm, node, path, keys)
            path.seq += 1
            path.status = 0
        states.append(path)
    return merge_paths(vm, states)


def _is_free(state: State, name: str, *used: str) -> bool:
    """Whether a name can be exported, and neither fails nor changes what is *used*."""
    held = state.vars.get(name)
    if name in used or name in OWN or _NAME.fullmatch(name) is None:
        return False
    return held is None or (
        held.kind in ("", "s") and not (held.readonly or held.vague or held.integer or held.case)
    )


def _for_each(vm: Machine, node: For, state: State, values: list[Text]) -> list[State]:

    vm.tick(state, node.body_pos, len(values) + 1)
    if (held := state.vars.get(node.name)) is not None and held.vague:
        return widen(vm, node, state, node.text, (node.name,))
    states, done, bound = [state], list[State](), _Rounds(vm, state, len(values))
    for value in values:
        if bound.passed(len(done)) or len(states) > MAX_PATHS:
            return bound.left_open(node)
        if node.select or (isinstance(value, Symbol) and value.splits):
            states = [
                s for before in states for s in widen(vm, node, before, node.text, (node.name,))
            ]
            break
        following: list[State] = []
        for before in states:
            try:
                assign(
                    vm,
                    before,
                    node.name,
                    value,
                    location=before.source.place(node.body_pos),
                    spelled=str(value),
                )
            except FatalError as fatal:
                if fatal.readonly:  # the loop is given up, the script isn't
                    before.status = 1
                    done.append(with_errexit(before))
                else:
                    done.append(after_error(vm, before, fatal))
                continue
            following.append(before)
        if not following:
            return done
        states, left = _iterate(vm, node, node.body, following)
        done += left
        if not states:
            break
        if left and len(states) + len(left) > 1 and _by_command(vm, left, states):
            states = [
                s for before in states for s in widen(vm, node, before, node.text, (node.name,))
            ]
            break
    return done + states


def _iterate(
    vm: Machine, node: Any, body: Block, states: list[State]
) -> tuple[list[State], list[State]]:
    """One round: the states that go on, and those that left."""
    on, left = list[State](), list[State]()
    vm.tick(states[0], node.body_pos)
    for state in states:
        state.rounds = (*state.rounds[:-1], state.rounds[-1] + 1)
    for after in vm.execute(body, states):
        (left if _leaves(after) else on).append(after)
    return on, left


def _by_command(vm: Machine, left: list[State], states: list[State]) -> bool:
    """Whether it was the success of a command that decided who left the loop."""
    keys = {k for s in left for k in s.decided} & {k for s in states for k in s.decided}
    differing = [k for k in keys if len({s.decided.get(k) for s in (*left, *states)}) > 1]
    return any(k in vm.conditions and vm.conditions[k].command for k in differing)


class _Rounds:
    """Counts the rounds of a loop, up to a limit, and finds out that it never ends."""

    def __init__(self, vm: Machine, state: State, most: int = MAX_ROUNDS) -> None:
        self.vm = vm
        self.before = state.copy()
        self.mark = len(vm.invocations)
        self.most = most
        self.rounds = 0
        self.began = vm.budget.spent_steps
        self.last: State | None = None
        self.dear = False

    def passed(self, left: int) -> bool:
        """Whether this round is one too many, *left* being the paths that have left the loop."""
        self.rounds += 1
        if self.vm.tired() or self.costly():
            self.dear = True
            return True
        return self.rounds > self.most or left > MAX_LEFT

    def costly(self) -> bool:
        """Whether the loop has used up its share of the budget."""
        budget = self.vm.budget
        return budget.spent_steps - self.began > budget.steps // _SHARE

    def left_open(self, node: While | ForArith | For) -> list[State]:
        """What is known behind the loop if its rounds aren't counted, from before it."""
        del self.vm.invocations[self.mark :]
        if self.dear:
            place = self.before.source.place(node.body_pos)
            text = f"the loop `{_short(node.text)}` takes too many steps to follow"
            self.vm.skipped.append(Note(text, place))
        names = (node.name,) if isinstance(node, For) else ()
        found = widen(self.vm, node, self.before, node.text, names)
        for state in found if not isinstance(node, For) else ():
            state.seq += 1
            text = f"the loop `{_short(node.text)}`"
            key = ("ends", node, state.seq)
            decide(self.vm, state, Undecided(key, Test(text, "ends")), True)
        return found

    def repeats(self, ready: list[State]) -> bool:
        """Whether this round begins as the one before did, so that all others will."""
        last, self.last = self.last, ready[0].copy() if len(ready) == 1 else None
        return last is not None and self.last is not None and last.same(self.last)


def _endless(state: State, node: While | ForArith) -> State:
    place = state.source.place(node.body_pos)
    note = Note(f"the loop `{_short(node.text)}` never ends: nothing behind it is run", place)
    state.note(note)
    state.trap = None
    state.flow = ("exit", 0)
    return state


def while_loop(vm: Machine, node: While, state: State) -> list[State]:
    """``while`` and ``until``: as long as the test is known."""
    states, done = [state], list[State]()
    status: int | Undecided = 0
    bound = _Rounds(vm, state)
    while states:
        vm.tick(states[0], node.body_pos)
        if bound.passed(len(done)):
            return bound.left_open(node)
        if len(states) > 16:
            done += [s for before in states for s in widen(vm, node, before, node.text, ())]
            break
        ready: list[State] = []
        for before in states:
            kept = before.copy()
            mark = len(vm.invocations)
            tested = _decided(vm, node, before, mark)
            if tested is None:
                if len(vm.invocations) > mark:  # what is run anew comes after that
                    kept.counts = before.counts
                done += widen(vm, node, kept, node.text, ())
                continue
            for after in tested:
                if after.flow is not None:
                    done.append(after)
                    continue
                for path, ok in branch(vm, after):
                    if ok is node.until:
                        path.status = status if isinstance(status, int) else 0
                        done.append(path)
                    else:
                        ready.append(path)
        if not ready:
            break
        if not done and bound.repeats(ready):
            return [_endless(ready[0], node)]
        before_body = [s.copy() for s in ready]
        mark = len(vm.invocations)
        states, left = _iterate(vm, node, node.body, ready)
        if (left and states and _by_command(vm, left, states)) or (
            len(states) > 2 * len(before_body)
        ):
            del vm.invocations[mark:]
            for before in before_body:
                done += widen(vm, node, before, node.text, ())
            break
        done += left
        if len(states) == 1:
            status = states[0].status
    return done


def _decided(vm: Machine, node: While, state: State, mark: int) -> list[State] | None:
    """The states after the test, None where the test isn't known."""
    state.tested += 1
    vm.pure += 1
    try:
        found = vm.execute(node.test, [state])
    except ForkError:
        del vm.invocations[mark:]
        return None
    finally:
        vm.pure -= 1
    if len(found) != 1 or isinstance(found[0].status, Undecided):
        return None
    for after in found:
        after.tested -= 1
    return found


def for_arith(vm: Machine, node: ForArith, state: State) -> list[State]:
    """``for ((…; …; …))``."""
    states, done = [state], list[State]()
    bound = _Rounds(vm, state)
    try:
        first = arithmetic(vm, state, node.init, node.text) if node.init.parts else "0"
        if isinstance(first, Symbol):
            return widen(vm, node, state, node.text, ())
        while states:
            vm.tick(states[0], node.body_pos)
            if bound.passed(len(done)):
                return bound.left_open(node)
            ready: list[State] = []
            for before in states:
                value = arithmetic(vm, before, node.test, node.text) if (node.test.parts) else "1"
                if isinstance(value, Symbol):
                    done += widen(vm, node, before, node.text, ())
                elif int(value):
                    ready.append(before)
                else:
                    done.append(before)
            if not ready:
                break
            if not done and bound.repeats(ready):
                return [_endless(ready[0], node)]
            kept = [s.copy() for s in ready]
            mark = len(vm.invocations)
            states, left = _iterate(vm, node, node.body, ready)
            if left and states and _by_command(vm, left, states):
                del vm.invocations[mark:]
                for before in kept:
                    done += widen(vm, node, before, node.text, ())
                break
            done += left
            for before in states:
                if node.step.parts:
                    arithmetic(vm, before, node.step, node.text)
    except FatalError:
        state.status = 1
        return [*done, state]
    return done


def widen(vm: Machine, node: Any, state: State, text: str, extra: tuple[str, ...]) -> list[State]:
    """A loop that runs nobody knows how often: what it assigns is unknown from here on.

    Its body is followed once, with that unknown, to find what it runs.
    """

    if state.flow is not None:
        return [state]
    found = assigned(node, state, vm.budget)
    changed = sorted({*found.names, *extra})
    reason = f"set in the loop `{_short(text)}`"

    def lose(target: State) -> None:
        # Without arguments, a loop over the arguments leaves all as it was.
        options = found.params and not found.wild and own_params(state) and _of_arguments(node)
        havoc(vm, target, changed, reason, default=options, deciders=("@",) if options else ())
        runs = Test(f"the loop `{_short(text)}` runs")
        let_go(vm, target, found, changed, reason, runs, target.source.place(node.body_pos))
        if found.params or found.wild:
            unknown_params(target, node, "in" if target is probe else "after", own=options)

    state.seq += 1
    loop = f"the loop `{_short(text)}`"
    condition = Undecided(("loop", node, state.seq), Test(loop, "within"))
    probe = state.copy()
    lose(probe)
    if decide(vm, probe, condition, True):
        pure, vm.pure = vm.pure, 0
        try:
            ends = vm.execute(node.body, [probe])
            if isinstance(node, While):  # what it tests runs again after each round
                on = [e for e in ends if e.flow is None or e.flow == ("continue", 1)]
                for end in on:
                    end.flow = None
                ends = [*(e for e in ends if e.flow is not None), *vm.execute(node.test, on)]
        finally:
            vm.pure = pure
        for key, count in ((k, c) for e in ends for k, c in e.counts.items()):
            state.counts[key] = max(count, state.counts.get(key, 0))
        join_attributes(state, ends)
        if any(e.flow is not None and e.flow[0] in ("exit", "discard") for e in ends):
            leaves = Undecided(("leaves", node, state.seq), Test(loop, "goes on"))
            decide(vm, state, leaves, True)
    lose(state)
    succeeds = Test(f"`{_short(text)}`", "succeeds")
    state.status = Undecided(("status", node, state.seq), succeeds, command=True)
    emit_unknown(state)
    return [state]


def _of_arguments(node: Any) -> bool:
    """Whether a loop has no rounds where there are no arguments, by the look of its head."""
    if isinstance(node, For):
        return node.words is None
    return re.search(r"\$\{?[#1@*]|\bgetopts\b", node.text) is not None


def _short(text: str) -> str:
    line = re.sub(r"\s+", " ", text)
    line = re.sub(r";? do( .*)?$", "", line)
    return line if len(line) <= 60 else line[:59] + "…"
