"""The machine put together: what its parts ask of each other is wired here, and nowhere else."""

from __future__ import annotations

from dsv4_env.lang.bash.expand.arithmetic import evaluated
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import Piece, State
from dsv4_env.lang.bash.expand.values import Text
from dsv4_env.lang.bash.expand.words import pieces
from dsv4_env.lang.bash.interp.paths import merge_paths
from dsv4_env.lang.bash.interp.statements import STATEMENTS
from dsv4_env.lang.bash.interp.streams import unused_files
from dsv4_env.lang.bash.interp.texts import run_err_traps, run_lines, run_traps
from dsv4_env.lang.bash.syntax.nodes import Block, Node, Word


class Interpreter(Machine):
    """Follows a script: ``follow(block, state)`` finds the commands that it would run."""

    __slots__ = ()

    def pieces(self, state: State, word: Word, *, assignment: bool = False) -> list[Piece]:
        """The parts of a word, expanded."""
        return pieces(self, state, word, assignment=assignment)

    def number(self, state: State, code: str, text: str) -> Text:
        """The value of an arithmetic expression, which is spelled *text*."""
        return evaluated(self, state, code, text)

    def execute(self, node: Node, states: list[State]) -> list[State]:
        """The states after a command, for each it may begin in."""
        handler = STATEMENTS[type(node)]
        if len(states) == 1:
            state = states[0]
            if state.flow is not None:
                return states
            after = handler(self, node, state)
            if any(s.failing for s in after):
                after = run_err_traps(self, after)
            return merge_paths(self, after) if len(after) > 1 else after
        found: list[State] = []
        for state in states:
            if state.flow is not None:
                found.append(state)
            else:
                found += handler(self, node, state)
        if any(s.failing for s in found):
            found = run_err_traps(self, found)
        return merge_paths(self, found)

    def ended(self, states: list[State]) -> list[State]:
        """The states after what runs when a shell ends."""
        return run_traps(self, states)

    def follow(self, script: Block, state: State) -> None:
        """Follow a script from a state to its end, over all paths that it may take."""
        unused_files(self, run_traps(self, run_lines(self, script, [state], whole=False)))
