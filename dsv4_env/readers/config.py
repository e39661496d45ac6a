"""A file for SGLang's ``--config``, by itself: the arguments that it gives to any launch."""

from __future__ import annotations

from dsv4_env.model import LaunchConfig, Location, Note
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.readers.config_file import arguments
from dsv4_env.readers.kind import YAML, FileKind

_ALONE = "a file for --config holds no variables, so none were compared"


def read_all(
    data: str | bytes, path: str = "<config>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """The arguments of a file, as one LaunchConfig without an environment.

    Raises ReadError where it holds no mapping.
    """
    budget = budget or Budget()
    try:
        args = tuple(arguments(data, path, budget))
    except BudgetError as exc:
        return kept([], exc, budget.place(), path)
    end = max((a.location.line or 1 for a in args if a.location), default=1)
    return [
        LaunchConfig(
            path,
            "config",
            (),
            args,
            location=Location(path, 1, 1),
            end_line=end,
            notes=(Note(_ALONE),),
            arguments_alone=True,
        )
    ]


KIND = FileKind(
    "config",
    "a file for --config",
    read_all,
    among=YAML,
    # At the top, what no other YAML calls so.
    content=(
        rb"^[\"']?(?:model[-_]path|tp[-_]size|mem[-_]fraction[-_]static|disable[-_]radix[-_]cache"
        rb"|chunked[-_]prefill[-_]size|max[-_]running[-_]requests|swa[-_]full[-_]tokens[-_]ratio"
        rb"|cuda[-_]graph[-_](?:max[-_])?bs|moe[-_](?:runner|a2a)[-_]backend)[\"']?\s*:",
    ),
    hit=lambda _: False,
    word="arguments",
    editable=True,
)
