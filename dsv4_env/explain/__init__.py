"""What there is to say of a variable, a flag, a profile, a layer or a rule, as plain data."""

from __future__ import annotations

import functools
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsv4_env.catalogue import SGLANG, Catalogue, describe, history, load, owner, releases
from dsv4_env.catalogue.images import families
from dsv4_env.compare import importance
from dsv4_env.compare.findings import FROM_OUTSIDE
from dsv4_env.guard.files import read_bytes
from dsv4_env.lint import lint
from dsv4_env.lint.known import all_rules, rule_text
from dsv4_env.model import EnvVar, LaunchConfig, Location, Origin, ServerArg
from dsv4_env.model.errors import ReadError, UsageError, did_you_mean
from dsv4_env.model.finding import Severity
from dsv4_env.model.secrets import hidden, masked, scrubbed
from dsv4_env.profile import Profile, said_by_layers
from dsv4_env.reporters.shown import about, argument_text, shown_place, value_text

_BEHIND = re.compile(r"""[^"'#\[]*(?:"[^"]*"|'[^']*'|true|\[[^#]*\])\s*#(.*)""")


def explained(
    name: str,
    profiles: Mapping[str, Profile],
    layers: Mapping[str, Path],
    folder: Path | None,
    severities: Mapping[str, Severity],
) -> dict[str, Any]:
    """What there is to say of a name, as plain data without secrets.

    *profiles* and *layers* are those that count, *folder* is that of the user's own, *severities*
    are those of the settings. Raises UsageError where nothing has the name.
    """
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
            return _of_setting(candidate, wanted, groups, profiles, folder, severities)
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
    severities: Mapping[str, Severity],
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
        "severity": importance.severity(name, severities),
        "rules": _hints(name, wanted, setters),
    }


def _object(rows: describe.Rows) -> dict[str, str | list[str]]:
    """Facts by name; one that comes several times is a list."""
    values: dict[str, list[str]] = {}
    for key, value in rows:
        values.setdefault(key.replace(" ", "_"), []).append(value)
    return {key: v[0] if len(v) == 1 else v for key, v in values.items()}


def facts_of(facts: Mapping[str, str | list[str]]) -> describe.Rows:
    """Facts as rows of a key and a value."""
    return [
        (key.replace("_", " "), value)
        for key, values in facts.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


def _setters(name: str, newest: Catalogue, profiles: Mapping[str, Profile]) -> list[dict[str, Any]]:
    """Where profiles set a variable or flag, under whatever name; secrets masked."""
    same = functools.partial(is_same, name, newest)
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


def is_same(name: str, newest: Catalogue, other: str | None) -> bool:
    """Whether two names are of one setting, as a release has it."""
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
        if given.when and (layer, place) not in told and is_same(name, newest, key):
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
        behind = _BEHIND.fullmatch(lines[at])
        said = " ".join((*above, behind[1].strip() if behind else "")).strip()
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
