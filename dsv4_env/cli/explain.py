"""``explain``: one page on a variable, a flag, a profile, a layer or a rule."""

from __future__ import annotations

import functools
import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dsv4_env.catalogue import SGLANG, Catalogue, describe, history, load, owner, releases
from dsv4_env.catalogue.describe import span
from dsv4_env.catalogue.images import families
from dsv4_env.cli import comparing, complete
from dsv4_env.cli.lint import all_rules, offered_rules, rule_text
from dsv4_env.cli.options import profiles_option
from dsv4_env.cli.output import table, write
from dsv4_env.cli.rendering import about, argument_text, shown_place, value_text
from dsv4_env.cli.settings import profile_folder, settings
from dsv4_env.cli.wanted import wanted
from dsv4_env.compare import importance
from dsv4_env.compare.findings import FROM_OUTSIDE
from dsv4_env.guard.files import read_bytes
from dsv4_env.lint import lint
from dsv4_env.model import EnvVar, LaunchConfig, Location, Origin, ServerArg
from dsv4_env.model.errors import ReadError, UsageError, did_you_mean
from dsv4_env.model.finding import Severity
from dsv4_env.model.secrets import hidden, masked, scrubbed
from dsv4_env.profile import Profile, layer_places, load_all, load_wanted, said_by_layers

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
    found = _found(name, profiles, layers, own)
    write(json.dumps(found, indent=2, ensure_ascii=False) + "\n" if as_json else _text(found))


def _found(
    name: str, profiles: Mapping[str, Profile], layers: Mapping[str, Path], folder: Path | None
) -> dict[str, Any]:
    if name in profiles:
        return _of_profile(profiles[name], layers)
    if name in layers:
        return _of_layer(name, layers, profiles)
    rules = all_rules()
    for rule in rules.values():
        if name.lower() in (rule.id.lower(), rule.name):
            head = {"name": rule.id, "kind": "rule", "title": rule.name}
            return {**head, "severity": rule.severity, "text": rule_text(rule)}
    wanted = [load(release) for release in releases()]
    own = {key for _, _, key, _ in said_by_layers(folder)}
    for profile in profiles.values():  # as its release spells them
        own |= {*profile.config.effective_env, *(a.flag or "" for a in profile.config.args or ())}
    for candidate in (name, f"--{name}"):
        groups = _groups(candidate, wanted)
        someones = owner(candidate) not in (None, SGLANG) and not candidate.startswith("-")
        if candidate in own or any(rows for _, rows in groups) or someones:
            return _of_setting(candidate, wanted, groups, profiles, folder)
    known = {n for c in wanted for n in (*c.variables, *c.option_strings())}
    near = wanted[-1].near_flag(name) if name.startswith("-") else wanted[-1].near_variable(name)
    names = {*layers, *(r.name for r in rules.values()), *rules, *known, *filter(None, own)}
    raise UsageError(
        f"nothing is called {name}",
        expected="a variable, a flag, a profile, a layer or a rule",
        hint=did_you_mean(name, names) or near,
    )


def _groups(name: str, wanted: list[Catalogue]) -> list[tuple[list[str], describe.Rows]]:
    """What releases make of a name, without what is no news to its user."""
    found: list[tuple[list[str], describe.Rows]] = []
    for spanned, rows in describe.over_releases(name, wanted):
        kept = [
            (key, ", ".join(sorted(value.split(", "))) if key == "spellings" else value)
            for key, value in rows
            if key not in ("read in", "declared")
        ]
        if found and found[-1][1] == kept:
            found[-1][0].extend(spanned)
        else:
            found.append(([*spanned], kept))
    return found


def _of_setting(
    name: str,
    wanted: list[Catalogue],
    groups: list[tuple[list[str], describe.Rows]],
    profiles: Mapping[str, Profile],
    own: Path | None,
) -> dict[str, Any]:
    said = history.renamed(wanted[-1], name) if not name.startswith("-") else None
    setters = _setters(name, wanted[-1], profiles)
    title = describe.title(name, wanted)
    if not any(rows for _, rows in groups):
        title = f"a variable of {owner(name)}" if owner(name) else "a variable of nobody known"
    return {
        "name": name,
        "kind": "flag" if name.startswith("-") else "variable",
        "title": title,
        "owner": "SGLang" if name.startswith("-") else owner(name),
        "releases": [{"releases": spanned, "facts": _object(rows)} for spanned, rows in groups],
        "new_name": said.new if said else None,
        "set_by": setters,
        "set_under_conditions": list(_conditional(name, wanted[-1], setters, own)),
        "images": [
            {"family": f.name, "value": f.env[name], "source": f.source}
            for f in families().values()
            if name in f.env
        ],
        "severity": importance.severity(name, settings().severity),
        "rules": _hints(name, wanted, setters),
    }


def _object(rows: describe.Rows) -> dict[str, str | list[str]]:
    """Facts by name; one that comes several times is a list."""
    values: dict[str, list[str]] = {}
    for key, value in rows:
        values.setdefault(key.replace(" ", "_"), []).append(value)
    return {key: v[0] if len(v) == 1 else v for key, v in values.items()}


def _pairs(facts: Mapping[str, str | list[str]]) -> describe.Rows:
    return [
        (key.replace("_", " "), value)
        for key, values in facts.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


def _setters(name: str, newest: Catalogue, profiles: Mapping[str, Profile]) -> list[dict[str, Any]]:
    """Where profiles set a variable or flag, under whatever name; secrets masked."""
    same = functools.partial(_same, name, newest)
    found: list[dict[str, Any]] = []
    for profile in profiles.values():
        config = hidden(profile.config)
        settings_ = [(e.name, value_text(e.name, e.value), e.origin) for e in config.env]
        settings_ += [(a.flag or "", argument_text(a), a.origin) for a in config.args or ()]
        for spelled, value, origin in settings_:
            if same(spelled):
                item = {"profile": profile.name, "as": spelled, "value": value}
                found.append({**item, "origin": [_setter(spelled, o) for o in origin.chain()]})
    return found


def _names(catalogue: Catalogue, name: str) -> set[str]:
    """All names of one setting in a release."""
    if name.startswith("-"):
        match = catalogue.argument(name)
        return set(match.argument.flags) if match and match.argument else {name}

    variable, said = catalogue.variable(name), history.renamed(catalogue, name)
    return {name, *(variable.aliases if variable else ()), *([said.new] if said else [])}


def _same(name: str, newest: Catalogue, other: str | None) -> bool:
    if other is None or other.startswith("-") != name.startswith("-"):
        return False
    return other == name or _names(newest, name) & _names(newest, other) != set()


def _conditional(
    name: str, newest: Catalogue, setters: Sequence[Mapping[str, Any]], own: Path | None
) -> Iterator[dict[str, Any]]:
    """What else layers say of it, for other targets than those that profiles usually are for."""
    told = {(o["layer"], o["location"]) for s in setters for o in s["origin"]}
    for layer, _, key, given in said_by_layers(own):
        place = shown_place(given.location)
        if given.when and (layer, place) not in told and _same(name, newest, key):
            value = None if given.value is None else masked(key, _spelled(given.value))
            found = {"layer": layer, "as": key, "value": value}
            yield {**found, "location": place, "when": given.when}


def _spelled(value: Any) -> str:
    """What a layer says of a setting, as one line."""
    return " ; ".join(map(" ".join, value)) if isinstance(value, list) else str(value)


def _setter(name: str, origin: Origin) -> dict[str, Any]:
    where = origin.location
    return {
        "layer": origin.name,
        "value": None if origin.value is None else masked(name, origin.value),
        "location": shown_place(where),
        "when": origin.when,
        "why": _comment(where) if where else None,
    }


def _comment(where: Location) -> str | None:
    """What the file says in comments above a setting and behind it, else what the layer is."""
    try:
        text = read_bytes(where.path).decode()
        lines = text.splitlines()
        at = (where.line or 1) - 1
        above: list[str] = []
        while at > len(above) and lines[at - 1 - len(above)].startswith("# "):
            above.insert(0, lines[at - 1 - len(above)][2:].strip())
        behind = re.fullmatch(r"""[^"'#]*(?:"[^"]*"|'[^']*'|true|\[[^#]*\])\s*# *(.*)""", lines[at])
        said = " ".join((*above, behind[1] if behind else "")).strip()
        return scrubbed(said or tomllib.loads(text).get("description") or "") or None
    except (ReadError, ValueError, IndexError):
        return None


def _hints(
    name: str, wanted: list[Catalogue], setters: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rules of lint that say something of the name as it is set, and for which releases."""
    values = {(s["as"], s["value"]) for s in setters if s["as"] == name}
    found: dict[str, list[str]] = {}
    for catalogue in wanted:
        for spelled, value in sorted(values) or [(name, "1")]:
            if value == FROM_OUTSIDE:
                continue
            origin = Origin("explain", None, value)
            flag = spelled.startswith("-")
            words = tuple(shlex.split(value)) if flag and values else ()
            env = () if flag else (EnvVar(spelled, value, origin),)
            args = (ServerArg(spelled, words, origin),) if flag else ()
            said = lint(LaunchConfig(name, "explain", env, args), catalogue)
            for finding in said if values else [f for f in said if f.rule.id in _OF_NAMES]:
                releases = found.setdefault(finding.rule.id, [])
                if finding.subject == name and catalogue.release not in releases:
                    releases.append(catalogue.release)
    rules = all_rules()
    return [
        {"rule": i, "name": rules[i].name, "releases": r, "summary": rules[i].summary}
        for i, r in sorted(found.items())
        if r
    ]


_OF_NAMES = {"DSV102", "DSV103", "DSV107", "DSV109", "DSV110", "DSV111"}  # whatever the value is


def _of_profile(profile: Profile, layers: Mapping[str, Path]) -> dict[str, Any]:
    told = about(profile)
    found: dict[str, Any] = {
        "name": told.pop("name"),
        "kind": "profile",
        "title": told.pop("description"),
        "layers": [_layer(name, layers) for name in told.pop("layers")],
        "variables": len(profile.config.env),
        "arguments": len(profile.config.args or ()),
    }
    return {**found, **told}


def _of_layer(
    name: str, layers: Mapping[str, Path], profiles: Mapping[str, Profile]
) -> dict[str, Any]:
    about = _layer(name, layers)
    used = [p.name for p in profiles.values() if name in p.layers]
    return {"name": name, "kind": "layer", "title": about.pop("description"), **about, "used": used}


def _layer(name: str, layers: Mapping[str, Path]) -> dict[str, Any]:
    data = tomllib.loads(read_bytes(layers[name]).decode("utf-8-sig"))
    blocks = [data, *data.get("when", ())]
    return {
        "name": name,
        "description": data.get("description", ""),
        "file": shown_place(Location(str(layers[name]))),
        "extends": data.get("extends", []),
        "overlay": data.get("overlay", False),
        "sets": [*dict.fromkeys(n for t in ("env", "args") for b in blocks for n in b.get(t, {}))],
    }


def _text(found: Mapping[str, Any]) -> str:
    lines = {"variable": _setting_text, "flag": _setting_text, "profile": _profile_text}
    if found["kind"] == "rule":
        return str(found["text"])
    return "".join(f"{line}\n" for line in lines.get(found["kind"], _layer_text)(found))


def _setting_text(found: Mapping[str, Any]) -> list[str]:
    groups = [(g["releases"], _pairs(g["facts"])) for g in found["releases"]]
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
