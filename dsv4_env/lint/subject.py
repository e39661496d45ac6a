"""What lint rules look at, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsv4_env.catalogue.history import before
from dsv4_env.model import EnvVar, LaunchConfig, Location, ServerArg, Unknown, Value
from dsv4_env.model.condition import Condition

if TYPE_CHECKING:
    from dsv4_env.catalogue import Argument, Catalogue, FlagMatch
    from dsv4_env.model.finding import Severity
    from dsv4_env.plan.planning import Plan
    from dsv4_env.plan.platforms import Platform


@dataclass(frozen=True, slots=True)
class Subject:
    """One launch, held to what one release of SGLang understands.

    *range* is the PEP 440 range that a profile states, and *range_at* where; *script* is the text
    of the bash script that the launch was read from, *file_text* that of a file of any kind,
    *launches* are all launches of that file. *platform* is the hardware that it's meant for, where
    that's known, *plans* what SGLang itself makes of the launch (see ``effects``).
    """

    config: LaunchConfig
    catalogue: Catalogue
    range: str | None = None
    range_at: Location | None = None
    script: str | None = None
    launches: tuple[LaunchConfig, ...] = ()
    file_text: str | None = None
    platform: Platform | None = None
    plans: Callable[[], tuple[Plan, ...]] = tuple

    @property
    def sglang(self) -> str:
        """The release, as messages call it."""
        return self.catalogue.name

    @property
    def older(self) -> tuple[str, ...]:
        """The known releases before this one."""
        return before(self.catalogue)

    @property
    def serves(self) -> bool:
        """Whether it is started by ``sglang serve``, which takes more than the server's parser."""
        return self.config.serves

    @property
    def env(self) -> Iterator[EnvVar]:
        """The settings of variables that count."""
        return (e for e in self.config.env if not e.superseded)

    @property
    def flags(self) -> Iterator[tuple[str, ServerArg, FlagMatch | None]]:
        """Each flag, its argument, and what the server's parser takes it for."""
        for arg in self.config.args or ():
            if arg.flag is not None:
                yield arg.flag, arg, self.catalogue.argument(arg.flag)

    @property
    def known_flags(self) -> Iterator[tuple[str, ServerArg, Argument]]:
        """The flags that the parser takes for one argument."""
        for flag, arg, match in self.flags:
            if match is not None and match.argument is not None:
                yield flag, arg, match.argument


@dataclass(frozen=True, slots=True)
class LintProblem:
    """What a rule says: of which name, what, and where; *severity* where it isn't the rule's own.

    *related* is the other place that has to do with it; *condition* when it holds. *action* is what
    to do, as the end of a sentence; *effect* what more SGLang says, a sentence of its own.
    """

    subject: str
    message: str
    location: Location | None = None
    related: Location | None = None
    severity: Severity | None = None
    condition: Condition | None = None
    action: str = ""
    effect: str = ""


def on(
    setting: EnvVar | ServerArg,
    message: str,
    action: str,
    severity: Severity | None = None,
    effect: str = "",
) -> LintProblem:
    """A problem of a setting, at its place, and what to do."""
    return LintProblem(
        setting.name if isinstance(setting, EnvVar) else setting.flag or "",
        message,
        setting.location,
        severity=severity,
        condition=setting.condition,
        action=action,
        effect=effect,
    )


def together(one: EnvVar | ServerArg, two: EnvVar | ServerArg) -> bool:
    """Whether two settings are certainly made on one way through a script, if one of them is."""
    return one.condition == two.condition or None in (one.condition, two.condition)


def setting_text(value: Value) -> str | None:
    """A value as far as it is known: of one with a default, the default."""
    return value.default if isinstance(value, Unknown) else value


def words(arg: ServerArg) -> list[str] | None:
    """The words of an argument, None where one of them can't be known."""
    found = [setting_text(w) for w in arg.words]
    return None if None in found else [w for w in found if w is not None]
