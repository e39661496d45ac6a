"""The text reporter and its short form: grouping, excerpts, and what came out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dsv4_env.model import Location
from dsv4_env.model.finding import Report, Severity
from dsv4_env.readers import bash
from dsv4_env.reporters import REPORTERS
from dsv4_env.reporters.excerpt import WIDTH, excerpt
from tests.reports import UNREADABLE, WAIVER, at, comparison, finding, report

text, concise = REPORTERS["text"], REPORTERS["concise"]


def shown(line: str, column: int | None, subject: str = "A", before: str = "") -> list[str]:
    """The excerpt of a line, with what is marked in brackets below it."""
    lines = {("f", 2): line, ("f", 1): before}
    found = excerpt(Report(lines=lines), Location("f", 2, column), subject)
    return list(found) if found else []


def test_findings_are_grouped_by_file_and_sorted() -> None:
    found = report(
        comparison(finding("C", at("b.sh", 7)), finding("B", at("b.sh", 2, 5)), right="b.sh"),
        comparison(finding("A", at("a.sh", 3)), right="a.sh"),
        comparison(finding("D", at("b.sh", 4)), right="b.sh", left="other"),
        problems=(finding("x", at("a.sh", None, None), message="x is odd", rule=UNREADABLE),),
    )
    assert text(found).splitlines() == [
        'b.sh:2:5: error: B is "2"; pro has "1" [DSV003]',
        'b.sh:4:1: error: D is "2"; pro has "1" [DSV003]',
        'b.sh:7:1: error: C is "2"; pro has "1" [DSV003]',
        "pro against b.sh: drift (3 settings compared, 0 unknown; 2 errors)",
        "other against b.sh: drift (3 settings compared, 0 unknown; 1 error)",
        "",
        "a.sh: error: x is odd [DSV011]",
        'a.sh:3:1: error: A is "2"; pro has "1" [DSV003]',
        "pro against a.sh: drift (3 settings compared, 0 unknown; 1 error)",
        "",
        "2 files, 2 launches: drift (9 settings compared, 0 unknown; 5 errors)",
    ]


def test_a_note_that_all_make_is_told_once() -> None:
    found = report(
        comparison(notes=("for all", "mine")), comparison(notes=("for all",), right="b.sh")
    )
    assert text(found).splitlines() == [
        "note: mine",
        "pro against run.sh: no drift (3 settings compared, 0 unknown)",
        "",
        "pro against b.sh: no drift (3 settings compared, 0 unknown)",
        "",
        "note: for all",
        "2 files, 2 launches: no drift (6 settings compared, 0 unknown)",
    ]
    assert "note: mine\nnote: its own\n" in text(report(comparison(notes=("mine", "its own"))))


def test_what_is_waived_is_counted_and_not_shown() -> None:
    found = report(comparison(finding("A", at("run.sh")), finding("X_1", at("run.sh", 2))))
    waived = report(comparison(finding("X_1", at("run.sh", 2), waiver=WAIVER), unknown=1))
    assert found.failed
    assert not waived.failed
    assert text(waived) == (
        "pro against run.sh: no drift (3 settings compared, 1 unknown; 1 waived)\n"
    )
    assert "X_1" not in concise(waived)


def test_only_failing_severities_are_drift() -> None:
    noted = comparison(finding("A", at("run.sh"), severity=Severity.NOTE))
    assert "no drift (3 settings compared, 0 unknown; 1 note)" in text(report(noted))
    strict = report(noted, failing=frozenset(Severity))
    assert "pro against run.sh: drift" in text(strict)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (report(), "0 files, 0 launches: nothing compared (0 settings compared, 0 unknown)"),
        (report(comparison(compared=0)), "nothing compared"),
        (report(comparison(), files=3, launches=4), "3 files, 4 launches: no drift (3 settings"),
        (report(comparison(lint=True)), "1 file, 1 launch: no problems (3 settings read, 0"),
        (report(comparison(), problems=(finding(),)), "problems (3 settings compared, 0 unknown;"),
    ],
)
def test_silence_is_no_success(found: Report, said: str) -> None:
    assert said in concise(found)


def test_the_source_of_both_sides() -> None:
    lines = {
        ("/project/run.sh", 10): "export A=2 B=3",
        ("/project/pro.toml", 4): 'A = "1"',
    }
    found = finding("A", at("run.sh", 10, 8), related=at("pro.toml", 4))
    assert text(report(comparison(found, finding("B", at("run.sh", 11))), lines=lines)) == (
        'run.sh:10:8: error: A is "2"; pro has "1" [DSV003]\n'
        "   10 | export A=2 B=3\n"
        "      |        ^^^\n"
        "    pro: pro.toml:4:1\n"
        '    4 | A = "1"\n'
        'run.sh:11:1: error: B is "2"; pro has "1" [DSV003]\n'
        "pro against run.sh: drift (3 settings compared, 0 unknown; 2 errors)\n"
    )


def test_the_source_of_one_place_is_shown_once() -> None:
    lines = {("/project/run.sh", 9): "sglang serve"}
    found = [finding(name, at("run.sh", 9)) for name in "ABC"]
    assert text(report(comparison(*found), lines=lines)).count("9 | sglang serve") == 1


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        ("export A=1 B=2", 8, ["export A=1 B=2", "       ^^^"]),
        ("export A='x y'z B=2", 8, ["export A='x y'z B=2", "       ^^^^^^^^"]),
        ("A=$(b c) d", 1, ["A=$(b c) d", "^^^^^^^^"]),
        ("s --tp 8 --dp 2", 3, ["s --tp 8 --dp 2", "  ^^^^^^"]),
        ("s --on --dp 2", 3, ["s --on --dp 2", "  ^^^^"]),
        ("s --on 2>&1", 3, ["s --on 2>&1", "  ^^^^"]),
        ('{"A": "1", "B": 2}', 2, ['{"A": "1", "B": 2}', " ^^^^^^^^"]),
        ('A = "x y" # c', 1, ['A = "x y" # c', "^^^^^^^^^"]),
        ("\tA=1", 2, ["    A=1", "    ^^^"]),
        ("日本 A=é B", 4, ["日本 A=é B", "     ^^^"]),
        ("日本 A=日", 4, ["日本 A=日", "     ^^^^"]),
        ("e\u0301 A=1", 4, ["e\u0301 A=1", "  ^^^"]),
        ("\x1b[31m A=1", 7, ["\\x1b[31m A=1", "         ^^^"]),
        ("a ##[b] A=1", 9, ["a #\\x23[b] A=1", "           ^^^"]),
        ("A=1", 99, ["A=1", "   ^"]),
        ("A=1\r\n", None, ["A=1", ""]),
        ("  ", 1, []),
    ],
)
def test_the_mark_stands_under_the_place(
    line: str, column: int | None, expected: list[str]
) -> None:
    assert shown(line, column) == expected


@pytest.mark.parametrize(
    ("line", "column", "subject", "expected"),
    [
        ("HF_TOKEN=hunter2 A=1", 18, "A", ["HF_TOKEN=******** A=1", "                  ^^^"]),
        ("HF_TOKEN=hunter2 A=1", 1, "HF_TOKEN", ["HF_TOKEN=********", "^^^^^^^^^^^^^^^^^"]),
        ("DB_PASSWORD=a b; c", 1, "DB_PASSWORD", ["DB_PASSWORD=********", "^" * 20]),
        ("python3 -m sglang", 1, "HF_TOKEN", []),
        ("--max-total-tokens 8", 1, "--max-total-tokens", ["--max-total-tokens 8", "^" * 20]),
    ],
)
def test_secrets_in_source(line: str, column: int, subject: str, expected: list[str]) -> None:
    assert shown(line, column, subject) == expected


def test_a_secret_that_begins_on_the_line_before() -> None:
    found = shown("  hunter2 --port 8000", 11, "--port", before="  --api-key \\")
    assert found == ["  ******** --port 8000", "           ^^^^^^^^^^^"]
    assert "hunter2" not in str(shown('hunter2" A=1', 10, "A", before='HF_TOKEN="x'))


def test_long_lines_are_cut_around_the_place() -> None:
    line = "日" * 400 + " A=1 " + "x " * 400
    first, under = shown(line, 402)
    assert first.startswith("…日")
    assert first.endswith("…")
    assert first[len(first) - len(first.lstrip("…日 ")) :].startswith("A=1 x")
    wide = first.index("A=1") + first[: first.index("A=1")].count("日")
    assert under == " " * wide + "^^^"
    assert WIDTH - 3 <= len(first) + first.count("日") <= WIDTH
    assert shown("x" * 30_000, 1) == []


def test_columns_of_the_bash_reader_count_characters() -> None:
    script = 'echo "é日本"; export A="é" B=2\nsglang serve --model-path "日本" --tp 8\n'
    launch = bash.read(script, "f")
    lines = {("f", n): line for n, line in enumerate(script.splitlines(), 1)}
    places = [*(e.location for e in launch.env), *(a.location for a in launch.args or ())]
    marks = [found[1] for p in places if (found := excerpt(Report(lines=lines), p, "A"))]
    assert marks == [
        " " * 21 + "^" * 5,  # A="é", behind two wide characters
        " " * 27 + "^" * 3,
        " " * 13 + "^" * 19,  # --model-path "日本"
        " " * 33 + "^" * 6,
    ]


def test_colour() -> None:
    lines = {("/project/run.sh", 1): "A=1"}
    colored = text(report(comparison(finding("A", at("run.sh"))), lines=lines, color=True))
    assert "\x1b[31merror\x1b[0m" in colored
    assert "\x1b[31m^^^\x1b[0m" in colored
    assert "\x1b" not in concise(report(comparison(finding()), color=True))


def test_a_line_never_begins_as_a_command_of_github() -> None:
    found = report(comparison(finding("A", Location("::error::x", 1, 1)), right="::stop"))
    for name in ("text", "concise", "changes"):
        assert not re.search(r"^\s*::", REPORTERS[name](found), re.MULTILINE)


def test_what_sglang_makes_of_it_has_a_line_of_its_own() -> None:
    found = finding("A", at("run.sh", 3, 2)).with_effect("SGLang can't read it", "no effect")
    assert text(report(comparison(found))).splitlines()[:3] == [
        'run.sh:3:2: error: A is "2"; pro has "1" [DSV003]',
        "    SGLang can't read it",
        "    no effect",
    ]
    assert 'A is "2"; pro has "1" (SGLang can\'t read it; no effect)\n' in concise(
        report(comparison(found))
    )


def lines_of(**fields: Any) -> list[str]:
    """The lines of one finding, without its source."""
    return text(report(comparison(finding("A", at("a"), **fields)))).split("\n")


def test_a_sentence_that_finds_no_room_behind_its_place_is_shortened() -> None:
    said = f"{'N' * 30} is {'x' * 12}; pro has {'y' * 16}"
    room = 120 - len("a:1:1: error: ") - len(said) - 2
    mark = len(" [DSV003]")
    short, long, longer = "w" * (room - mark), "w" * room, "w" * (room + 1)
    assert lines_of(message=said, action=short)[0] == f"a:1:1: error: {said}: {short} [DSV003]"
    assert lines_of(message=said, action=long)[:2] == [
        f"a:1:1: error: {said}: {long}",
        "    [DSV003]",
    ]
    assert lines_of(message=said, action=longer)[:2] == [
        f"a:1:1: error: {'N' * 30}: {longer} [DSV003]",
        f"    {said}: {longer}",
    ]


@pytest.mark.parametrize(
    ("action", "left", "path", "told"),
    [
        ("write that", '"1"', "a", 'A: write "1" [DSV003]'),
        ("write that", '"1" unless A is set', "a", 'A: write "1" [DSV003]'),
        ("write that", "0.93", "a", "A: write 0.93 [DSV003]"),
        ("write that", "from the environment", "a", "A: write that [DSV003]"),
        ("write that", '"1"', "p" * 90, 'A: write "1"'),
        ("write that", '"1"', "p" * 97, 'write "1"'),
        ("remove it", '"1"', "a", "A: remove it [DSV003]"),
        ("remove it", '"1"', "p" * 90, "A: remove it"),
        ("remove it", '"1"', "p" * 97, "remove A"),
        ("remove it", '"1"', "p" * 200, "remove A [DSV003]"),
        ("", '"1"', "a", "A [DSV003]"),
    ],
)
def test_what_to_do_stands_in_the_first_line(action: str, left: str, path: str, told: str) -> None:
    one = finding("A", at(path, 1, 1), message="m " * 80, action=action, left=left)
    first = text(report(comparison(one))).splitlines()[0]
    assert first == f"{path}:1:1: error: {told}"
    assert len(first) <= 120 or len(path) > 99


def test_a_setting_is_called_as_it_is_in_its_file() -> None:
    said = {"message": f"OLD_A is {'x' * 90}; pro has NEW_A", "action": "rename it to NEW_A"}
    assert lines_of(**said)[0] == "a:1:1: error: OLD_A: rename it to NEW_A [DSV003]"


def test_a_verdict_that_is_too_wide_has_its_details_below() -> None:
    *_, title, details = text(report(comparison(right="r" * 90))).splitlines()
    assert title.endswith(f"{'r' * 90}: no drift")
    assert details.startswith("    ")
    assert details.endswith("0 unknown")


def test_a_sentence_that_no_line_holds_breaks_behind_clauses() -> None:
    said = f"{'N' * 60} is {'x' * 20}; pro has {'y' * 60}"
    assert lines_of(message=said, action="write that")[1:3] == [
        f"    {'N' * 60} is {'x' * 20};",
        f"    pro has {'y' * 60}: write that",
    ]
    assert lines_of(message="日" * 59 + " b")[1:3] == [f"    {'日' * 59}", "    b"]


def test_equal_findings_of_folders_have_a_place_and_what_to_do_in_their_first_line() -> None:
    grouped = REPORTERS["grouped"]
    path = "test/registered/amd/test_deepseek_v4_flash_fp8_tbo.py"
    said: dict[str, Any] = {"message": "m " * 50, "action": "use --other"}
    several = [comparison(finding("--flag", at(path, n), **said)) for n in (98, 99)]
    first, *rest = grouped(report(*several)).splitlines()
    assert first == f"error: DSV003 --flag: use --other ({path}:98:1 and 1 more)"
    assert rest[0].startswith("    m m ")
    assert rest[1].startswith("    2 places: ")
    said["action"] = "use --other-that-is-longer"
    (first, *_) = grouped(report(comparison(finding("--flag", at(path, 9), **said)))).splitlines()
    assert first == f"error: DSV003 --flag: use --other-that-is-longer ({path}:9:1)"
    assert len(first) <= 120


def test_what_is_not_known_in_folders_is_named_once() -> None:
    several = [
        comparison(right=f"{n}.sh", notes=(f"not known: {what}",), lint=True)
        for n, what in enumerate(["A, B", "A, B", "C"])
    ]
    lines = REPORTERS["grouped"](report(*several)).splitlines()
    assert "note: not known: A, B (0.sh and 1 more)" in lines
    assert "note: not known: C (2.sh)" in lines


def test_of_several_pairs_each_has_its_name_in_a_table_of_changes() -> None:
    changes = REPORTERS["changes"]
    one, other = comparison(right="a.sh"), comparison(finding("A", at("b.sh")), right="b.sh")
    lines = changes(report(one, other)).splitlines()
    assert lines[0] == "pro against a.sh: no differences in 3 settings compared, 0 unknown"
    assert lines[1:3] == ["--- pro", "+++ b.sh"]
    assert lines[-1] == "1 difference in 3 settings compared, 0 unknown"
    assert changes(report(one)).startswith("no differences in 3 settings compared")
