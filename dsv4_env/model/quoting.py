"""Values written so that their reader gets them back byte for byte: one function a grammar."""

from __future__ import annotations

import re

_SAFE = r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*"
_CONTROL = "[\0-\x1f\x7f-\x9f\u2028\u2029]"
# What YAML lets stand as it is between double quotes, on every line of the specification.
_NO_YAML = (
    "[^ !#-[\\]-~\xa0-\u2027\u202a-\ud7ff\ue000-\ufdcf\ufdf0-\ufefe\uff00-\ufffd"
    "\U00010000-\U0001fffd]"
)
_YAML_PLAIN = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z_][A-Za-z0-9_-]*", re.IGNORECASE
)


def sh(value: str) -> str:
    """One word for sh, dash, bash and zsh: always quoted, so no shell option can touch it."""
    return "'" + value.replace("'", "'\\''") + "'"


def unless_set(name: str, value: str) -> str:
    """``NAME="${NAME:-value}"`` for every POSIX shell: the value where the variable has none."""
    if re.fullmatch(r"[\w./:,=+ @%-]*", value):
        return f'{name}="${{{name}:-{value}}}"'
    # Shells differ in what quotes mean behind :-, but not within $(…); its end loses newlines.
    return f'{name}="${{{name}:-$(printf %s {sh(value)})}}"'


MISSING = "it has to be set, for the profile takes it from the environment"


def export(name: str, value: str) -> str:
    """The command of a POSIX shell that exports a variable."""
    return f"export {name}={sh(value)}"


def export_required(name: str) -> str:
    """What exports a variable of the environment, and fails where there is none."""
    return f': "${{{name}:?{MISSING}}}"; export {name}'


def export_unless_set(name: str, value: str) -> str:
    """What exports a variable of the environment, and a value where there is none."""
    if value.endswith("\n"):  # which a substitution would lose
        return f'[ -n "${{{name}:-}}" ] || {name}={sh(value)}; export {name}'
    return f"export {unless_set(name, value)}"


def word(value: str) -> str:
    """One word for a shell, bare where no shell would change it."""
    return value if re.fullmatch(_SAFE, value) else sh(value)


def fish(value: str) -> str:
    """One word for fish, whose single quotes know the escapes of a backslash and a quote."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def csh(value: str) -> str:
    r"""One word for tcsh, on one line.

    ``!`` is a reference to the history even between single quotes; a newline would end the word,
    and is lost where the lines of a command are put together for ``eval``, so it's ``$'\n'``.
    """
    return sh(value).replace("!", "\\!").replace("\n", "'$'\\n''")


def powershell(value: str) -> str:
    """An expression for PowerShell, on one line.

    Five characters are single quotes to it; control characters become ``[char]10`` and the like,
    since a pipe from another program takes lines apart.
    """
    text = re.sub("['‘’‚‛]", r"\g<0>\g<0>", value)
    return "'" + re.sub(_CONTROL, lambda m: f"' + [char]{ord(m[0])} + '", text) + "'"


def dotenv(value: str) -> str:
    """A value for python-dotenv, bare where every reader of such files agrees.

    ``${NAME}`` is filled in even between single quotes, and no escape helps; but ``${:-$}`` is a
    ``$``, as no variable has an empty name. A carriage return is only known as an escape.
    """
    if re.fullmatch(_SAFE, value):
        return value
    quote = '"' if "\r" in value else "'"
    text = value.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\r", "\\r")
    return quote + text.replace("${", "${:-$}{") + quote


def systemd(value: str) -> str:
    """A value for systemd's EnvironmentFile, which takes ``$`` as it stands."""
    if re.fullmatch(_SAFE, value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def compose(value: str) -> str:
    """A text that Compose doesn't fill in."""
    return value.replace("$", "$$")


def kubernetes(value: str) -> str:
    """A text in which Kubernetes finds no ``$(NAME)``.

    Every ``$`` is doubled, also where no bracket follows: a single one spoils a character behind
    it that isn't ASCII.
    """
    return value.replace("$", "$$")


def yaml(value: str) -> str:
    """A YAML scalar between double quotes, on one line, the same text to every version of YAML."""
    return '"' + re.sub(_NO_YAML, _yaml_escape, value) + '"'


def _yaml_escape(m: re.Match[str]) -> str:
    char, code = m[0], ord(m[0])
    short = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    return short or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def yaml_key(value: str) -> str:
    """A key of a YAML mapping, bare where no version of YAML takes it for anything but text."""
    return value if _YAML_PLAIN.fullmatch(value) else yaml(value)


def python(value: str) -> str:
    """A string of Python in the quotes that black would choose: those that need fewer escapes."""
    single = repr('"' + value)[2:-1]  # with a " in it, repr() always takes single quotes
    double = re.sub(r'\\.|"', lambda m: {"\\'": "'", '"': '\\"'}.get(m[0], m[0]), single)
    return f"'{single}'" if single.count("\\") < double.count("\\") else f'"{double}"'
