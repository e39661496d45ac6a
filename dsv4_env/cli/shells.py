"""``completion``: click's own completion, mended where a shell would lose a word of it."""

from __future__ import annotations

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

from dsv4_env.cli.output import write

VARIABLE = "_DSV4_ENV_COMPLETE"  # set by a shell that asks; click derives it from the tool's name


def _whole(items: list[CompletionItem], incomplete: str) -> list[CompletionItem]:
    """The items, each as the whole word that it makes: ``--format=json``, not ``json``."""
    name, equals, _ = incomplete.partition("=")
    if not equals or not name.startswith("--"):
        return items
    return [
        CompletionItem(f"{name}={i.value}" if i.type == "plain" else i.value, i.type, i.help)
        for i in items
    ]


class _Bash(BashComplete):
    """Bash, which cuts words at ``=`` and ``@``; click's script forgets names beside files."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' kind value files=''
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) [[ $2 == @* ]] || value=${value#@}; COMPREPLY+=("$value") ;;
            file) files=-f ;;
            dir) files=-d ;;
        esac
    done < <(
        COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
            %(complete_var)s=bash_complete "${1/#\\~/$HOME}" 2>/dev/null
    )
    if [[ $files && ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default -o bashdefault
    elif [[ $files ]]; then
        compopt -o filenames
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$files" -- "$2")
    fi
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    _cut = ""  # what stands before the word that bash replaces

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        words: list[str] = []
        for word in (*args, "" if incomplete == "=" else incomplete):
            if words and (word == "@" or words[-1].endswith("@")):
                words[-1] += word
            elif word != "=":
                words.append(word)
        name, at, _ = words[-1].rpartition("@")
        self._cut = name if at and "@" in (incomplete, *args[-1:]) else ""
        return words[:-1], words[-1]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        found = super().get_completions(args, incomplete)
        return [CompletionItem(i.value.removeprefix(self._cut), i.type, i.help) for i in found]


class _Zsh(ZshComplete):
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return _whole(super().get_completions(args, incomplete), incomplete)


class _Fish(FishComplete):
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return _whole(super().get_completions(args, incomplete), incomplete)


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def register() -> None:
    """Let click answer a shell that asks in these ways."""
    for shell in _SHELLS.values():
        add_completion_class(shell)


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete dsv4-env.

    Commands, options, profiles, layers, variables, flags, releases, formats and rules are
    completed. The script asks dsv4-env itself, so it stays right when that changes.

    \b
    Examples:
      echo 'eval "$(dsv4-env completion bash)"' >> ~/.bashrc
      echo 'eval "$(dsv4-env completion zsh)"' >> ~/.zshrc      # behind compinit
      dsv4-env completion fish > ~/.config/fish/completions/dsv4-env.fish
    """
    write(_SHELLS[shell](ctx.find_root().command, {}, "dsv4-env", VARIABLE).source())


COMMANDS = (completion,)
