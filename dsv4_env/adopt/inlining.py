"""A test taken off its profiles: what they give is written into it, as it would stand without."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dsv4_env.adopt.code import Code, changed_parts, parts_of, without_unused
from dsv4_env.adopt.fitting import fitted
from dsv4_env.adopt.making import Making
from dsv4_env.adopt.proof import proved
from dsv4_env.adopt.rewriting import LOADER, PACKAGE, CannotRewrite
from dsv4_env.lang.python.syntax.trees import walk_tree
from dsv4_env.model import EnvVar, Outside, Unknown, text_of
from dsv4_env.model.secrets import plain_secret
from dsv4_env.profile import Profile
from dsv4_env.readers.python.reading import read_all
from dsv4_env.readers.taken import KnownProfiles
from dsv4_env.writeback.edits import Edit, applied

_LOADERS = frozenset(f"{p}.{LOADER}" for p in (PACKAGE, f"{PACKAGE}.profile"))
_ENVIRON = "os.environ"


def inlined(text: str, path: str, known: KnownProfiles) -> str:
    """The text of a test with all that its profiles give written into it.

    ``load_profile`` goes, where nothing needs it any more. The same text where it takes nothing
    from a profile. *known* says where profiles are. Raises CannotRewrite where a profile is used in
    a way that can't be written out, or where the launches would differ; ReadError where the file
    can't be read.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    code = Code(text.removeprefix(mark), path)
    loads = [
        n for n in walk_tree(code.tree)
        if isinstance(n, ast.Call) and code.dotted(n.func) in _LOADERS
    ]  # fmt: skip
    launches = read_all(text, path, root=known.root, known=known)
    if not loads:
        given = next((n for c in launches for n in c.notes if n.profile), None)
        if given is not None:
            raise CannotRewrite(f"{given.profile} comes from a fixture", given.location)
        return text
    profiles = {load: _profile(code, load, known) for load in loads}
    work = _Inlining(code, profiles)
    new = applied(code.text, work.edits())
    new = without_unused(new, path, code.unused(), lambda name: False)
    new = mark + fitted(new, code.text, path)
    wrong = proved(text, new, path, known).wrong
    if wrong:
        raise CannotRewrite(f"it would launch otherwise: {wrong[0]}", code.location(loads[0]))
    return new


def _profile(code: Code, load: ast.Call, known: KnownProfiles) -> Profile | None:
    """The profile that a call loads; None where no launch needs it.

    Raises CannotRewrite where it isn't known.
    """
    first = load.args[0] if load.args else None
    name = first.value if isinstance(first, ast.Constant) else None
    if not isinstance(name, str):
        raise CannotRewrite("which profile it loads isn't known", code.location(load))
    found = known.loaded_as(name)
    wrong = next((f for f in found if isinstance(f, str)), None)
    profiles = [f for f in found if isinstance(f, Profile)]
    if wrong is not None:
        raise CannotRewrite(wrong, code.location(load))
    if not profiles:
        return None
    if any(p.config != profiles[0].config for p in profiles):
        raise CannotRewrite(f"{name} is loaded for several targets", code.location(load))
    return profiles[0]


class _Inlining:
    """The edits that write profiles out, by the calls that load them."""

    def __init__(self, code: Code, profiles: Mapping[ast.Call, Profile | None]) -> None:
        self.code = code
        self.profiles = profiles
        self.making = Making(code)

    def edits(self) -> list[Edit]:
        """All of them. Raises CannotRewrite where a profile is used as a whole."""
        code = self.code
        found: list[Edit] = []
        held: dict[ast.AST, Profile | None] = dict(self.profiles.items())
        for node in walk_tree(code.tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                value = self.making.constant(node)
                if isinstance(value, ast.Call) and value in self.profiles:
                    held[node] = self.profiles[value]
        for node, profile in held.items():
            parent = code.parents[node]
            if profile is None:
                if node in self.profiles and isinstance(parent, ast.Assign | ast.AnnAssign):
                    continue
                raise CannotRewrite("which profile it loads isn't known", code.location(node))
            if isinstance(parent, ast.Attribute):
                found += self._replaced(parent, profile)
            elif isinstance(node, ast.Call) and isinstance(parent, ast.Assign | ast.AnnAssign):
                self._all_told(node, parent, held)
            else:
                raise CannotRewrite(f"{profile.name} is used as a whole here", code.location(node))
        return found

    def _all_told(
        self,
        load: ast.Call,
        statement: ast.Assign | ast.AnnAssign,
        held: Mapping[ast.AST, Profile | None],
    ) -> None:
        """Raise CannotRewrite where not every use of what a profile is bound to was found."""
        code = self.code
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            if isinstance(target, ast.Name):
                places: Sequence[ast.AST] = code.names.get(code.key(target.id, target), [])
                if all(p is target or p in held for p in places):
                    continue
            where = code.location(target)
            raise CannotRewrite(f"where {code.raw(target)} is used isn't plain", where)

    def _replaced(self, node: ast.Attribute, profile: Profile) -> list[Edit]:
        """The edits that write out what an attribute or method of a profile gives."""
        code, name = self.code, node.attr
        parent = code.parents[node]
        secret = next(_secrets(profile), None) if name in _HOLDING else None
        if secret is not None:
            raise CannotRewrite(
                f"{secret} holds what looks like a secret in {profile.name}, "
                "and a test is read by everyone",
                code.location(node),
            )
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        whole: ast.expr = call if call is not None else node
        if name == "launch_env" and call is not None and len(call.args) == 1 and not call.keywords:
            return self._variables(whole, call.args[0], profile)
        if name == "server_args":
            return self._members(whole, [_quoted(w) for w in profile.server_args], "[]", "*")
        if name == "env":
            rows = [f"{_quoted(k)}: {_quoted(v)}" for k, v in profile.env.items()]
            return self._members(whole, rows, "{}", "**")
        text = self._text(name, call, profile)
        if text is None:
            raise CannotRewrite(
                f"what .{name} of {profile.name} gives isn't a value that can be written out",
                code.location(node),
            )
        return [Edit(*code.span(whole), text)]

    def _text(self, name: str, call: ast.Call | None, profile: Profile) -> str | None:
        if name == "model_path" and call is not None and len(call.args) == 1:
            environ = self.code.raw(call.args[0])
            default, variable = profile.default_model_path, profile.model_path_variable
            shown = _quoted(default) if default is not None else None
            if variable is None:
                return shown or "None"
            words = [_quoted(variable), *([shown] if shown is not None else [])]
            return f"{environ}.get({', '.join(words)})"
        if name == "get" and call is not None and len(call.args) == 2:
            table, key = (self.making.word(a) for a in call.args)
            return _literal(profile.get(table, key)) if table and key else None
        if call is not None or name.startswith("_") or not hasattr(profile, name):
            return None
        return _literal(getattr(profile, name))

    def _variables(self, node: ast.expr, environ: ast.expr, profile: Profile) -> list[Edit]:
        """``launch_env(os.environ)`` as a dict over it."""
        code = self.code
        base = code.raw(environ)
        plain = isinstance(environ, ast.Name | ast.Attribute)
        if isinstance(environ, ast.Dict) and not environ.keys:
            rows = []
        elif plain:
            rows = [f"**{base}"]
        else:
            raise CannotRewrite("the environment isn't a plain name", code.location(environ))
        for setting in profile.config.env:
            value = _value(setting, base if plain else None)
            if value is None:
                raise CannotRewrite(
                    f"{profile.name} takes {setting.name} from an environment that is empty here",
                    code.location(environ),
                )
            rows.append(f"{_quoted(setting.name)}: {value}")
        return self._members(node, rows, "{}", "**")

    def _members(self, node: ast.expr, rows: list[str], ends: str, star: str) -> list[Edit]:
        """A display of rows for an expression, or the rows alone within another display."""
        code = self.code
        parent = code.parents[node]
        holder = code.parents[parent] if isinstance(parent, ast.Starred) else parent
        index = None
        if star == "*" and isinstance(parent, ast.Starred) and isinstance(holder, ast.List):
            index = holder.elts.index(parent)
        elif star == "**" and isinstance(parent, ast.Dict) and node in parent.values:
            at = parent.values.index(node)
            index = at if parent.keys[at] is None else None
        if index is None:
            return [Edit(*code.span(node), f"{ends[0]}{', '.join(rows)}{ends[1]}")]
        parts = parts_of(code, holder)
        part = parts[index]
        start = code.line_of(part.start)
        alone = not code.text[code.starts[start] : part.start].strip()
        if not rows:
            return changed_parts(code, parts, [index])
        between = f",{code.newline}{code.line(start)[: part.start - code.starts[start]]}"
        return [Edit(part.start, part.end, (between if alone else ", ").join(rows))]


_HOLDING = frozenset({"launch_env", "env", "server_args", "model_path", "default_model_path"})


def _secrets(profile: Profile) -> Iterator[str]:
    """The settings of a profile that hold what looks like a secret."""
    for setting in profile.config.env:
        text = text_of(setting.value)
        if text is not None and plain_secret(setting.name, text):
            yield setting.name
    for arg in profile.config.args or ():
        if any(isinstance(v, str) and plain_secret(arg.flag or "", v) for v in arg.values):
            yield arg.flag or "an argument"
    if plain_secret("--model-path", profile.default_model_path or ""):
        yield "its model"


def _value(setting: EnvVar, environ: str | None) -> str | None:
    """A variable's value as an expression; None where there is no environment to take it from."""
    value, name = setting.value, _quoted(setting.name)
    if isinstance(value, str):
        return _quoted(value)
    assert isinstance(value, Unknown)
    if isinstance(value, Outside) or value.default is None:
        return f"{environ}[{name}]" if environ is not None else None
    default = _quoted(value.default)
    return f"{environ}.get({name}) or {default}" if environ is not None else default


def _literal(value: Any) -> str | None:
    """A plain value as Python spells it, text as black quotes it; None for what is none."""
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        items = [_literal(v) for v in value]
        return None if None in items else f"[{', '.join(str(i) for i in items)}]"
    return None


def _quoted(text: str) -> str:
    """A text as black quotes it."""
    shown = repr(text)
    if shown[0] == "'" and '"' not in text:
        return f'"{shown[1:-1]}"'
    return shown
