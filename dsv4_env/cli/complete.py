"""``completion``, and what a shell is offered for an argument. Nothing slow is imported here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

from dsv4_env.cli import VARIABLE
from dsv4_env.model.errors import Dsv4Error

Items = list[CompletionItem]


def _starting(names: Iterable[str], incomplete: str) -> Items:
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def _layers(ctx: click.Context) -> tuple[set[str], set[str]]:
    """The names of profiles, and of layers that are none, by the files' names and their lock."""
    from dsv4_env.cli.common import profile_folder
    from dsv4_env.profile import layer_bytes, layer_files, shipped_dir
    from dsv4_env.profile.lock import lock_path

    try:
        own = profile_folder(ctx.params.get("folder"))
        names = set(layer_files(own))
    except Dsv4Error:
        own, names = None, set(layer_files())
    abstract: set[str] = set()
    for folder in ([own] if own else []) + [shipped_dir()]:
        try:
            locked = json.loads(layer_bytes(lock_path(folder)))["profiles"]
            abstract |= {x for p in locked.values() for x in p["layers"] if x not in locked}
        except (Dsv4Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue  # without a lock every layer may be a profile
    return names - abstract, names & abstract


def _known(incomplete: str) -> set[str]:
    """The variables of all known releases of SGLang, or their flags where a dash is typed."""
    from dsv4_env.catalogue.releases import load
    from dsv4_env.catalogue.store import RELEASES, shipped

    if incomplete.startswith("-"):
        return {option for release in RELEASES for option in load(release).option_strings()}
    return {name for release in RELEASES for kind, name in shipped(release) if kind == "V"}


def profiles(ctx: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Names of profiles."""
    return _starting(_layers(ctx)[0], incomplete)


def operands(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Names of profiles, and files."""
    return profiles(ctx, param, incomplete) + files(ctx, param, incomplete)


def files(_ctx: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Files, which the shell itself finds."""
    return [CompletionItem(incomplete, type="file")]


def folders(_ctx: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Folders, which the shell itself finds."""
    return [CompletionItem(incomplete, type="dir")]


def variables(_ctx: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Variables that some release of SGLang knows, or flags where a dash is typed."""
    return _starting(_known(incomplete), incomplete)


def releases(_ctx: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Releases of SGLang, newest first."""
    from dsv4_env.catalogue.store import RELEASES

    return [CompletionItem(r) for r in reversed(RELEASES) if r.startswith(incomplete)]


def rules(_ctx: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Ids and names of rules, the ids with their names."""
    from dsv4_env.compare.rules import RULES
    from dsv4_env.lint import LINT_RULES

    found = [*RULES.values(), *(entry.rule for entry in LINT_RULES.values())]
    ids = [CompletionItem(r.id, help=r.name) for r in found if r.id.startswith(incomplete)]
    return ids + (_starting((r.name for r in found), incomplete) if incomplete else [])


def subjects(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """All that ``explain`` explains."""
    own, abstract = _layers(ctx)
    found = _starting(own | abstract, incomplete) + variables(ctx, param, incomplete)
    return found + rules(ctx, param, incomplete)


class Named(click.Command):
    """A command whose operand may be a flag of the server, which is offered with its options."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        """Its options, and the flags that begin so."""
        own = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            return own
        return own + _starting(_known(incomplete) - {i.value for i in own}, incomplete)


class _Shell(ShellComplete):
    """The answer to a shell's question: a line per item, for scripts of our own.

    Click's own scripts lose what is plain where files are offered too, and the option's name
    where ``--option=value`` is one word.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words[1:], incomplete

    def get_completions(self, args: list[str], incomplete: str) -> Items:
        """The items, each as the whole word that it makes."""
        name, equals, _ = incomplete.partition("=")
        start = f"{name}=" if equals and name.startswith("--") else ""
        return [
            CompletionItem(start + i.value if i.type == "plain" else i.value, i.type, i.help)
            for i in super().get_completions(args, incomplete)
        ]

    def format_completion(self, item: CompletionItem) -> str:
        """The lines of one item; help is for zsh and fish."""
        word, about = str(item.value), " ".join((item.help or "").split())
        if self.name == "dsv4bash":  # which cuts words at = and :, and gets what follows the cut
            _, incomplete = self.get_completion_args()
            cut = os.environ.get("COMP_WORD", "")
            before = incomplete if cut in ("=", ":") else incomplete.removesuffix(cut)
            return f"{item.type},{word.removeprefix(before)}"
        if self.name == "dsv4fish":
            return f"{item.type},{word}" + (f"\t{about}" if about else "")
        word = word.replace(":", r"\:") if about else word  # as zsh's _describe wants it
        return f"{item.type}\n{word}\n{about or '_'}"


class _Bash(_Shell):
    name = "dsv4bash"
    source_template = """\
%(complete_func)s() {
    local kind value files=''
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) files=-f ;;
            dir) files=-d ;;
        esac
    done < <(
        COMP_LINE=${COMP_LINE:0:COMP_POINT} COMP_WORD=${COMP_WORDS[COMP_CWORD]} \\
            %(complete_var)s=dsv4bash_complete "${1/#\\~/$HOME}" 2>/dev/null
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


class _Zsh(_Shell):
    name = "dsv4zsh"
    source_template = """\
#compdef %(prog_name)s
%(complete_func)s() {
    local kind value about
    local -a response plain described files
    response=("${(@f)$(
        COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" \\
            %(complete_var)s=dsv4zsh_complete ${~words[1]} 2>/dev/null
    )}")
    for kind value about in "${response[@]}"; do
        case $kind in
            plain) [[ $about == _ ]] && plain+=("$value") || described+=("$value:$about") ;;
            file) files=(_files) ;;
            dir) files=(_files -/) ;;
        esac
    done
    (( $#described )) && _describe -V %(prog_name)s described
    (( $#plain )) && compadd -V %(prog_name)s -a plain
    (( $#files )) && "${files[@]}"
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Fish(_Shell):
    name = "dsv4fish"
    source_template = """\
function %(complete_func)s
    set -l line (commandline -cp)
    for item in (env COMP_LINE="$line" %(complete_var)s=dsv4fish_complete %(prog_name)s 2>/dev/null)
        set -l parts (string split -m 1 , -- $item)
        switch $parts[1]
            case plain
                echo $parts[2]
            case file
                __fish_complete_path $parts[2]
            case dir
                __fish_complete_directories $parts[2]
        end
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


_SHELLS: dict[str, type[_Shell]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def answer() -> None:
    """Let click answer in the ways of the shells, one of which asks."""
    for shell in _SHELLS.values():
        add_completion_class(shell)


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def completion(shell: str) -> None:
    """Print what makes a shell complete dsv4-env.

    Commands, options, profiles, layers, variables, flags, releases, formats and rules are
    completed. The script asks dsv4-env itself, so it stays right when that changes.

    \b
    Examples:
      echo 'eval "$(dsv4-env completion bash)"' >> ~/.bashrc
      echo 'eval "$(dsv4-env completion zsh)"' >> ~/.zshrc      # behind compinit
      dsv4-env completion fish > ~/.config/fish/completions/dsv4-env.fish
    """
    from dsv4_env.cli.common import write

    parent: Any = click.get_current_context().find_root().command
    write(_SHELLS[shell](parent, {}, "dsv4-env", VARIABLE).source())


COMMANDS = (completion,)
