"""The rules of comparisons: stable ids, severities, and what to do about each finding."""

from __future__ import annotations

from dsv4_env.model.finding import Rule, Severity

_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
_AS_BAD = (
    "How bad it is depends on the setting: what decides results is an error, what decides speed a "
    'warning, what only informs a note. `[tool.dsv4_env.severity]` has the last word: `"HIP_*" = '
    '"note"`.'
)
_BOTH_WAYS = (
    "`dsv4-env sync PROFILE --to FILE` writes the profile's into the test, `--from FILE` the other "
    "way."
)

RULES: dict[str, Rule] = {
    r.id: r
    for r in (
        Rule("DSV001", "missing", _E, "a setting of the profile isn't made",
             "The launch runs without it, so SGLang takes its own default. Set it, or unset it in "
             f"the profile. {_AS_BAD}"),
        Rule("DSV002", "extra", _E, "a setting is made that the profile hasn't",
             "Drop it, or add it to the profile: `dsv4-env sync PROFILE --from FILE` does. "
             f"{_AS_BAD}"),
        Rule("DSV003", "changed", _E, "a setting has another value than the profile's",
             "One of the two is out of date. `dsv4-env sync PROFILE --to FILE` brings the file to "
             f"the profile, `--from FILE` the profile to the file. {_AS_BAD}"),
        Rule("DSV004", "reordered", _N, "a setting stands in another place",
             "Only `--exact` tells it: to SGLang the order makes no difference."),
        Rule("DSV005", "unknown", _W, "a value can't be known, so not compared",
             "Nothing is run to find out, so what a command prints or comes from outside stays "
             "open. `--set NAME=VALUE` tells what it gets, `dsv4-env capture` tries it."),
        Rule("DSV006", "overridden", _N, "a setting is made twice; the last one wins",
             "The earlier one has no effect. Drop it, so that nobody edits the wrong one."),
        Rule("DSV007", "partial", _W, "only a part of the script could be read",
             "What stands behind a syntax error is unknown: `bash -n FILE` says more about it. Nor "
             "can a launch be told that stands in a text which is given to an unknown command. In "
             "an editor it is a note on a file of very many launches, of which the first are "
             "looked at."),
        Rule("DSV008", "renamed", _W, "a setting has the old name of the other's",
             "This release still takes the old name, or ignores or refuses it: then it is an "
             "error. Use the name that the profile has; `dsv4-env catalogue show NAME` tells its "
             "releases."),
        Rule("DSV009", "equivalent", _N, "spelled differently, the same to SGLang",
             "No drift. It is told with `--show-equivalent`, with the reason."),
        Rule("DSV010", "unreadable", _E, "a file can't be read",
             "The other files are checked all the same; the exit code is 2."),
        Rule("DSV011", "nothing-to-check", _E, "a pair names no file or no launch",
             "A pair that matches nothing would pass for ever. Mend its `files`, `launch` or "
             "`symbol` in `[[tool.dsv4_env.pairs]]`."),
        Rule("DSV012", "bad-waiver", _E, "a waiver can't be understood",
             'It excuses nothing. Write `# dsv4-env: allow NAME reason="…" until=2026-12-31`; the '
             "reason is required."),
        Rule("DSV013", "expired-waiver", _E, "a waiver's day has passed",
             "What it excused counts again. Settle it, or give the waiver a new day and a reason."),
        Rule("DSV014", "unused-waiver", _W, "a waiver excuses nothing",
             "What it was for is gone, and it would hide the next drift of that name. Drop it."),
        Rule("DSV015", "outdated-baseline", _N, "the baseline has what is no more",
             "`dsv4-env check --baseline FILE --write-baseline` writes it anew."),
        Rule("DSV016", "may-be-set", _N, "settings that may be made where nothing can be known",
             "They aren't seen, and words that aren't known, a file that isn't there or a call "
             "that isn't followed may make them: `\"$@\"`, `$EXTRA_ARGS`, `source lib.sh`. That is "
             "no drift; with `--strict` it is an error. `--arg`, `--set`, `--env-file` and "
             "`--root` tell what is missing."),
        Rule("DSV017", "other-profile", _W, "a launch takes its settings from another profile",
             "It follows that one, whatever is changed in the profile that it is held to. Name the "
             "same profile in both: in `load_profile` or the marker, and in the pair."),
        Rule("DSV018", "no-effect", _N, "a difference that SGLang's own work makes none",
             "SGLang overwrites it or sets it itself on the profile's platform, uses it for "
             "nothing there, or reads it no more; or the image sets it anyway: the whole launch "
             "ends up the same with either value, alone or together with settings that are named. "
             "`dsv4-env plan` tells the file and line of SGLang that decide. Drop what is alone, "
             "so that nobody takes it for one that counts."),
        Rule("DSV019", "refused", _E, "a launch that SGLang refuses",
             "It stops when it's started: the arguments can't be parsed, or exclude each other on "
             "this platform. `dsv4-env plan FILE` says what SGLang makes of the launch. What it "
             "refuses of the profile itself is told once, at the first launch that is held to it: "
             "mend the profile, or name a release that takes it (`sglang` of the pair, or "
             "`sglang.range` of the profile). Of a flag that the release doesn't know, its own "
             "finding says so."),
        Rule("DSV020", "launch-timeout", _E, "a test waits another time for its server",
             "A shorter one ends launches that still load, and is an error; a longer one is a "
             f"warning. {_BOTH_WAYS} `\"launch.timeout-seconds\"` is its name in "
             "`[tool.dsv4_env.severity]`, waivers and `--ignore`."),
        Rule("DSV021", "ci-suite", _W, "a test is registered for another suite",
             "It runs on other machines, or in a job that nobody looks at. Only the registration "
             "of the profile's vendor counts (`register_amd_ci` on mi355x); a test of "
             f"`test/registered/` without one isn't run at all. {_BOTH_WAYS} Its name is "
             "`ci.suite`."),
        Rule("DSV022", "estimated-time", _N, "a test is planned with another time",
             f"CI makes its partitions by it. {_BOTH_WAYS} Its name is `ci.estimated-seconds`."),
        Rule("DSV023", "nightly", _W, "a test runs nightly on one side alone",
             f"It runs on every commit, or no more. {_BOTH_WAYS} Its name is `ci.nightly`."),
        Rule("DSV024", "threshold", _E, "a test accepts other results than the profile",
             "A lower threshold accepts worse results, and is an error; a higher one is a warning, "
             "as is none in a test of the profile's suite. "
             f"{_BOTH_WAYS} Their names are `quality.gsm8k-threshold` and "
             "`quality.accept-length-threshold`."),
        Rule("DSV025", "other-model", _E, "a test serves another model",
             "One of the same name elsewhere is a note. Name the same in both, or compare the test "
             "with the profile of its model. Its name is `model.path`."),
        Rule("DSV026", "model-variable", _W, "another variable overrides the model",
             "A job that sets the one serves what the other doesn't. Its name is "
             "`model.path-variable`."),
        Rule("DSV027", "overridable", _W, "the outside may override a variable on one side alone",
             "What CI sets for one leg of its matrix has an effect on one of them and none on the "
             "other: `os.environ.get(NAME, \"a\")` in a test, `NAME = {default = \"a\"}` in a "
             "profile. That a script lets more be overridden is a note."),
        Rule("DSV028", "not-run", _N, "CI runs nothing of a test",
             "Its registration is disabled, or its class or a test of it is skipped: what holds of "
             "it holds of nothing that runs. Somebody has decided that, so it is a note; "
             "`\"ci.runs\" = \"warning\"` in `[tool.dsv4_env.severity]` has a check fail on it. "
             "That a test lost its registration is another rule: `ci-suite`."),
    )
}  # fmt: skip
