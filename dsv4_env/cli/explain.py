"""``explain``: one page on a variable, a flag, a profile, a layer or a rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from dsv4_env.catalogue import describe
from dsv4_env.catalogue.describe import span
from dsv4_env.cli import comparing, complete
from dsv4_env.cli.lint import offered_rules
from dsv4_env.cli.options import profiles_option
from dsv4_env.cli.output import table, write
from dsv4_env.cli.settings import profile_folder, settings
from dsv4_env.cli.wanted import wanted
from dsv4_env.explain import explained, facts_of
from dsv4_env.model.errors import UsageError
from dsv4_env.model.finding import Severity
from dsv4_env.profile import layer_places, load_all, load_wanted

_MATTERS = {
    Severity.ERROR: "an error, as it decides what the server computes",
    Severity.WARNING: "a warning, as it decides how fast or how long rather than what",
    Severity.NOTE: "a note: it tells more or less, or belongs to somebody else",
}


def _subjects(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> complete.CompletionItems:
    """All that ``explain`` explains."""
    found = complete.offered_profiles(ctx, param, incomplete)
    found += complete.starting(complete.layers(ctx)[1], incomplete)
    found += comparing.offered_variables(ctx, param, incomplete)
    return found + offered_rules(ctx, param, incomplete)


@click.command(cls=comparing.Named, context_settings=comparing.FLAGS)
@click.argument("name", metavar="NAME", shell_complete=_subjects)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@profiles_option
def explain(name: str, as_json: bool, folder: Path | None) -> None:
    """Explain a variable, a flag, a profile, a layer or a rule.

    Of a variable or flag: whose it is, its type and default over the releases of SGLang, its
    other names, which profiles set it, where and why, how much a difference counts, and what lint
    says of it. Of a profile or layer: what it is, what it is made of and where that was taken
    from. Of a rule, what `rule` says.

    \b
    Examples:
      dsv4-env explain SGLANG_USE_AITER
      dsv4-env explain --chunked-prefill-size
      dsv4-env explain pro-fp4 --json
      dsv4-env explain DSV102
    """
    bare, equals, _ = name.partition("=")
    if equals:
        raise UsageError("a value stands behind the name", expected=f"the name alone: {bare}")
    own = profile_folder(folder)
    profiles, layers = load_all(own, wanted()), layer_places(own)
    if name not in profiles and re.split(r"[+@]", name)[0] in profiles:
        profiles[name] = load_wanted(name, own, wanted())
    found = explained(name, profiles, layers, own, settings().severity)
    write(json.dumps(found, indent=2, ensure_ascii=False) + "\n" if as_json else _text(found))


def _text(found: Mapping[str, Any]) -> str:
    lines = {"variable": _setting_text, "flag": _setting_text, "profile": _profile_text}
    if found["kind"] == "rule":
        return str(found["text"])
    return "".join(f"{line}\n" for line in lines.get(found["kind"], _layer_text)(found))


def _setting_text(found: Mapping[str, Any]) -> list[str]:
    groups = [(g["releases"], facts_of(g["facts"])) for g in found["releases"]]
    known = any(rows for _, rows in groups)
    lines = [f"{found['name']}: {found['title']}"]
    lines += describe.history_lines(groups) if known else ["", "No known SGLang reads it."]
    if found["new_name"]:
        lines += ["", f"Its new name is {found['new_name']}."]
    rows: dict[tuple[str, ...], list[str]] = {}
    for setter in found["set_by"]:
        alias = f"{setter['as']} " if setter["as"] != found["name"] else ""
        value = setter["value"] or ("" if setter["as"].startswith("-") else "''")
        chain = ", which overrides ".join(
            f"{o['layer']} ({o['location']}{o['when'] and '; when ' + o['when']})"
            + (f": {o['why']}" if o["why"] else "")
            for o in setter["origin"]
        )
        rows.setdefault((f"{alias}{value}" or "set", chain), []).append(setter["profile"])
    usually = " as it usually is" if found["set_under_conditions"] else ""
    lines += ["", "Set by" if rows else f"No profile sets it{usually}."]
    lines += _rows((", ".join(names), *row) for row, names in rows.items())
    if found["set_under_conditions"]:
        lines += ["", "Set under conditions"]
        lines += _rows(
            (
                f"{'' if c['as'] == found['name'] else c['as'] + ' '}"
                f"{'unset' if c['value'] is None else c['value'] or 'set'}",
                f"when {c['when']}",
                f"{c['layer']} ({c['location']})",
            )
            for c in found["set_under_conditions"]
        )
    lines += [
        f"SGLang's {i['family']} images set it to {i['value']} ({i['source']})."
        for i in found["images"]
    ]
    lines += ["", f"A difference counts as {_MATTERS[found['severity']]}."]
    if found["rules"]:
        own = any(setter["as"] == found["name"] for setter in found["set_by"])
        lines += ["", "Lint" if own else "Lint, where it is set"]
        lines += _rows(
            (r["rule"], f"SGLang {span(r['releases'])}", f"{r['name']}: {r['summary']}")
            for r in found["rules"]
        )
    return lines


def _rows(rows: Iterable[tuple[str, ...]]) -> list[str]:
    listed = list(rows)
    return [f"  {line}" for line in table(listed).splitlines()] if listed else []


def _profile_text(found: Mapping[str, Any]) -> list[str]:
    name, first = found["name"], ("model", "hardware", "sglang")
    tables = {section: table for section, table in found.items() if isinstance(table, dict)}
    rows = [
        (f"{section}.{key}", str(value))
        for section in sorted(tables, key=lambda s: first.index(s) if s in first else len(first))
        for key, value in tables[section].items()
    ]
    layers = [(x["name"], x["file"], x["description"]) for x in found["layers"]]
    counts = f"{found['variables']} variables, {found['arguments']} arguments"
    return [
        f"{name}: a profile" + (f": {found['title']}" if found["title"] else ""),
        "",
        "Layers, lowest first",
        *_rows(layers),
        "",
        f"Settings: {counts} (dsv4-env show {name} --origin)",
        "",
        "About",
        *_rows(rows),
        "",
        f"To launch it: dsv4-env launch {name}",
    ]


def _layer_text(found: Mapping[str, Any]) -> list[str]:
    rows = [("file", found["file"])]
    rows += [("extends", ", ".join(found["extends"]))] if found["extends"] else []
    if not found["overlay"]:
        rows += [("part of", ", ".join(found["used"]) or "no profile")]
    rows += [("sets", n) if i == 0 else ("", n) for i, n in enumerate(found["sets"])]
    title = f": {found['title']}" if found["title"] else ""
    what = (
        "an overlay, for NAME+" + found["name"]
        if found["overlay"]
        else "a layer, which profiles extend"
    )
    return [f"{found['name']}: {what}{title}", "", *_rows(rows)]


COMMANDS = (explain,)
