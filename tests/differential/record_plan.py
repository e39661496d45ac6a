"""Ask SGLang itself what it makes of launches, and write its answers down.

``python -m tests.differential.record_plan PYTHON`` asks the SGLang of that interpreter: of the
launches of tests/data/launches.json, which are those of real tests and of its cookbook, and of
random ones.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from dsv4_env.catalogue import load
from dsv4_env.catalogue.resolution import resolution
from dsv4_env.model import EnvVar, LaunchConfig, Origin, group_args
from dsv4_env.plan.asking import OWN, answers
from dsv4_env.plan.platforms import platform
from tests.differential.plan_launches import encoded, launches

DATA = Path(__file__).parent.parent / "data"
NEWEST = "0.5.23"
NUMBER, SEED = 300, 20261128


def launch(recorded: dict[str, Any]) -> LaunchConfig:
    """A recorded launch, as a reader gives one."""
    origin = Origin("test", None, "")
    env = tuple(EnvVar(k, v, origin) for k, v in recorded["env"].items())
    words = ["--model-path", recorded["model"], *recorded["args"]]
    args = group_args([(w, None) for w in words], "test")
    return LaunchConfig(recorded["name"], "test", env, args)


def answered(python: Path, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each launch with SGLang's answer: what it refuses it for, or what it changed."""
    found: dict[str, dict[str, Any]] = {}
    for on in dict.fromkeys(a["platform"] for a in asked):
        there = [a for a in asked if a["platform"] == on]
        given = answers(python, [launch(a) for a in there], platform(on))
        for one, answer in zip(there, given, strict=True):
            found[one["name"]] = one | _changed(one, answer)
    return [found[a["name"]] for a in asked]


def _changed(asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if answer["error"] is not None:
        return {"refused": answer["error"]}
    env = {k: v for k, v in sorted(answer["env"].items()) if asked["env"].get(k) != v}
    args = {
        k: asked["model"] if isinstance(v, str) and v.endswith("/" + asked["model"]) else v
        for k, v in answer["args"].items()
        if k not in {*OWN, "cuda_graph_config"}
        and not k.startswith("_")
        and not isinstance(v, dict)
    }
    return {"env_after": env, "args_after": args}


def condensed(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What most launches end up with, by field; each keeps only what is otherwise."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    started = [f for f in found if "refused" not in f]
    for one in started:
        for name, value in one["args_after"].items():
            counts[name][json.dumps(value)] += 1
    common = {k: json.loads(c.most_common(1)[0][0]) for k, c in sorted(counts.items())}
    for one in started:
        after = one["args_after"].items()
        one["args_after"] = {k: v for k, v in sorted(after) if v != common[k]}
    return common


def main(python: Path) -> None:
    """Write tests/data/resolved-RELEASE.json anew; with random launches for the newest release."""
    asked: list[dict[str, Any]] = json.loads((DATA / "launches.json").read_text("utf-8"))
    release = answers(python, [launch(asked[0])], platform(asked[0]["platform"]))[0]["release"]
    if release == NEWEST:
        steps = resolution(release) or ()
        asked += launches(NUMBER, SEED, list(asked), load(release), steps)
    found = answered(python, asked)
    head = {
        "about": "What SGLang itself made of launches: its own resolution, run with stand-ins for "
        "the platform and a small model configuration; fields are what most end up with, and "
        "args_after what a launch has otherwise",
        "release": release,
        "fields": condensed(found),
    }
    (DATA / f"resolved-{release}.json").write_text(encoded(head, found), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
