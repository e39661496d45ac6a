"""Shells, each by its own grammar: one line for each variable, to set it or to unset it."""

from __future__ import annotations

from collections.abc import Callable

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.known import BYTES, TEXT, Limits, counting, env_or_outside
from dsv4_env.exporters.notes import notes
from dsv4_env.model import LaunchConfig, Outside, quoting

MISSING = "it has to be set, for the profile takes it from the environment"


def export(config: LaunchConfig, options: ExportOptions) -> str:
    """POSIX shells: lines for ``eval``. The server arguments aren't in it: see ``args``."""
    return _lines(config, options, BYTES, _export, lambda n: f"unset {n}", required)


def fish(config: LaunchConfig, options: ExportOptions) -> str:
    """``set -gx`` for fish."""
    return _lines(
        config, options, BYTES,
        lambda n, v: f"set -gx {n} {quoting.fish(v)}",
        lambda n: f"set -q {n}; and set -e {n}; or true",
        lambda n: f'test -n "${n}"; or begin; echo "{n}: {MISSING}" >&2; return 1; end; '
        f"set -gx {n} ${n}",
    )  # fmt: skip


def csh(config: LaunchConfig, options: ExportOptions) -> str:
    """``setenv`` for tcsh; as ``eval`` puts the lines together, each ends in a semicolon."""
    return _lines(
        config, options, BYTES,
        lambda n, v: f"setenv {n} {quoting.csh(v)};",
        lambda n: f"unsetenv {n};",
        lambda n: f"setenv {n} ${n}:q;",  # an error where it isn't set
        lambda text: f": {quoting.csh(text)};",  # what is typed has no comments in it
    )  # fmt: skip


def powershell(config: LaunchConfig, options: ExportOptions) -> str:
    """``$env:NAME`` for PowerShell; before 7.5 an empty value unsets, which is then an error."""
    return _lines(
        config, options, Limits("PowerShell", TEXT.cannot), _powershell,
        lambda n: f"Remove-Item -ErrorAction Ignore -LiteralPath Env:{n}",
        lambda n: f"if (-not $env:{n}) {{ throw '{n}: {MISSING}' }}",
    )  # fmt: skip


def required(name: str) -> str:
    """What exports a variable of the environment, and fails where there is none."""
    return f': "${{{name}:?{MISSING}}}"; export {name}'


def _export(name: str, value: str) -> str:
    return f"export {name}={quoting.sh(value)}"


def _powershell(name: str, value: str) -> str:
    line = f"$env:{name} = {quoting.powershell(value)}"
    if value:
        return line
    why = f"dsv4-env: {name} is empty, and PowerShell before 7.5 can''t set an empty variable"
    return f"{line}; if (-not (Test-Path -LiteralPath Env:{name})) {{ throw '{why}' }}"


def _lines(
    config: LaunchConfig,
    options: ExportOptions,
    limits: Limits,
    set_: Callable[[str, str], str],
    unset: Callable[[str], str],
    require: Callable[[str], str],
    remark: Callable[[str], str] = "# {}".format,
) -> str:
    said = notes(config, options)
    if options.unset:
        given = [s for s in counting(config, limits) if not isinstance(s.value, Outside)]
        lines = {s.name: unset(s.name) for s in given}
    else:
        env = env_or_outside(config, limits)
        lines = {n: require(n) if v is None else set_(n, v) for n, v in env.items()}
    rows = [*map(remark, said.head)]
    for name, line in lines.items():
        rows += [*map(remark, said.env(name)), line]
    return "".join(f"{row}\n" for row in rows)
