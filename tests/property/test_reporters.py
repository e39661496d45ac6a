"""Hostile values: none breaks out of a report, and no secret gets into one."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt

from dsv4_env.model import Location
from dsv4_env.model.finding import Comparison, Finding, Fix, Report, Severity, Suggestion, Waiver
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import plain
from dsv4_env.reporters import REPORTERS
from dsv4_env.reporters.comment import COMMENT_LIMIT
from dsv4_env.reporters.content import ReportEntry
from dsv4_env.reporters.layout import WIDEST, width
from tests.reports import (
    CHANGED,
    ROOT,
    at,
    check_gitlab,
    check_json,
    check_rdjson,
    check_review,
    check_sarif,
    comparison,
    finding,
)

PIECES = [
    *"|`*_~[]()<>#@!&\\\"'%:;,={}$-+. \t\n\r\0\x1b\x85\u2028\u202e\udce9\ud800日é",
    *("::error file=x::", "##[error]", "%0A", "%3A", "]]>", "<!--", "-->", "<script>", "</code>"),
    *("</details>", "@octocat", "https://e.org", "www.e.org", "a@b.org", "[a](https://e.org)"),
    *("\\|", "| a | b |", "```", "\n\n# x\n", "&lt;", "&#124;", "**a**", "__a__", "</failure>"),
    *("A", "x", "1", "../", "/"),
]
HOSTILE = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=9).map("".join)
PLACE = st.builds(
    Location,
    st.one_of(HOSTILE, HOSTILE.map(lambda text: f"{ROOT}/{text}")),
    st.one_of(st.none(), st.integers(1, 3)),
    st.one_of(st.none(), st.integers(1, 40)),
)
FIX = st.builds(
    Fix,
    HOSTILE.map(lambda text: f"{ROOT}/{text}"),
    st.integers(1, 3),
    st.integers(3, 9),
    HOSTILE,
    HOSTILE,
)
FINDING = st.builds(
    Finding,
    st.just(CHANGED),
    st.sampled_from(Severity),
    HOSTILE,
    HOSTILE,
    st.one_of(st.none(), PLACE),
    st.one_of(st.none(), PLACE),
    st.one_of(st.none(), HOSTILE),
    st.one_of(st.none(), HOSTILE),
    st.one_of(st.none(), st.builds(Waiver, HOSTILE, HOSTILE, st.none(), PLACE)),
    st.one_of(st.none(), FIX),
    st.lists(HOSTILE, max_size=2).map(tuple),
    HOSTILE,
)
COMPARISON = st.builds(
    Comparison,
    HOSTILE,
    HOSTILE,
    st.lists(FINDING, max_size=3).map(tuple),
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(HOSTILE, max_size=2).map(tuple),
    st.just(None),
    st.one_of(st.none(), PLACE),
    st.booleans(),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    comparisons = draw(st.lists(COMPARISON, max_size=2))
    problems = draw(st.lists(FINDING, max_size=2))
    places = [f.location for c in comparisons for f in c.findings if f.location and f.location.line]
    lines = {(p.path, p.line or 0): draw(HOSTILE) for p in places}
    return Report(
        tuple(comparisons),
        tuple(problems),
        lines,
        root=ROOT,
        notes=tuple(draw(st.lists(HOSTILE, max_size=1))),
        suggestions=tuple(
            Suggestion(f.fix, (f,)) for f in problems if f.fix and f.fix.start <= f.fix.end
        ),
    )


def unescaped(text: str) -> str:
    """A property or the text of a command, as GitHub's runner decodes it."""
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


@given(found=reports())
@settings(max_examples=100, deadline=None)
def test_no_value_breaks_out(found: Report) -> None:
    said = {name: reporter(found) for name, reporter in REPORTERS.items()}
    for name, text in said.items():
        assert text == REPORTERS[name](found)
        assert "##[" not in text
        assert not re.search(r"[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff]", text), name
        text.encode()
        if name != "github":
            assert not re.search(r"^\s*::", text, re.MULTILINE), name
    check_json(said["json"])
    check_sarif(said["sarif"])
    root = ET.fromstring(said["junit"])
    assert len(list(root.iter("testcase"))) == int(root.attrib["tests"])
    shown = sum(f.waiver is None for f in found.findings)
    assert len(check_gitlab(said["gitlab"])) == shown
    assert len(check_rdjson(said["rdjson"], said["rdjsonl"])) == shown
    assert len(check_review(said["review"])) <= len(found.suggestions)
    commands(said["github"], found)
    markdown(said["markdown"])
    markdown(said["comment"])


@given(
    sizes=st.lists(st.integers(0, 40), max_size=60),
    value=st.text("aж日<&@_", min_size=1, max_size=600),
)
@settings(max_examples=30, deadline=None)
def test_a_comment_is_never_too_long_and_counts_what_it_leaves_out(
    sizes: list[int], value: str
) -> None:
    found = Report(
        tuple(
            comparison(*(finding(f"A{n}", at("x", n + 1), message=value) for n in range(size)))
            for size in sizes
        ),
        root=ROOT,
    )
    said, whole = (REPORTERS[name](found) for name in ("comment", "markdown"))
    assert len(said.encode()) <= COMMENT_LIMIT
    left_out = re.search(r"^\*\*Left out here, .*: (.*)\.\*\*$", said, re.MULTILINE)
    assert (said == whole) is (left_out is None)
    if left_out:
        rows = re.search(r"([\d,]+) rows?", left_out[1])
        missing = whole.count("\n| ❌") + whole.count("\n- ")
        kept = said.count("\n| ❌") + said.count("\n- ")
        assert (int(rows[1].replace(",", "")) if rows else 0) == missing - kept


def commands(text: str, found: Report) -> None:
    """There are as many commands as annotations, each with the properties that it should have."""
    shown = [f for f in found.findings if f.waiver is None]
    *lines, summary = text.splitlines()
    assert re.match(r"\d+ files?, \d+ launch", summary)
    assert len(lines) == len(shown) + len(found.notes)
    for line in lines[: len(shown)]:
        match = re.fullmatch(r"::(?:error|warning|notice) ([^:]*)::(.*)", line)
        assert match is not None
        names = [p.partition("=")[0] for p in match[1].split(",")]
        assert names in (
            ["title"],
            ["file", "title"],
            ["file", "line", "endLine", "title"],
            ["file", "line", "col", "endLine", "title"],
        )
        assert "\r" not in unescaped(match[2])


def markdown(text: str) -> None:
    """The text holds tables, folded parts, items and code; nothing else."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    for token in tokens:
        kind = token.type.removesuffix("_open").removesuffix("_close")
        assert kind in (
            *("heading", "paragraph", "inline", "html_block", "bullet_list", "list_item"),
            *("table", "thead", "tbody", "tr", "th", "td"),
        )
        if token.type == "html_block":
            tags = re.findall(r"<[^>]*>", token.content.replace("<!-- -->", ""))
            assert "<details>" not in token.content or token.content.count("\n") == 1
            assert "".join(tags) in (
                "<details><summary><code></code></summary>",
                "<details><summary></summary>",
                "</details>",
            )
        for child in token.children or ():
            assert child.type in ("text", "text_special", "html_inline", "softbreak")
            if child.type == "html_inline":
                assert child.content in ("<code>", "</code>", "<br>", "<!-- -->")
            assert not re.search(r"@\w", child.content)
    assert not re.search(r"://|www\.", text)


WORDS = st.lists(st.one_of(HOSTILE, st.text("abé日; :,(", max_size=90)), max_size=5).map(" ".join)


@given(
    message=WORDS,
    action=WORDS,
    effect=st.lists(WORDS, max_size=3),
    path=st.text("ab", max_size=130),
)
@settings(max_examples=200, deadline=None)
def test_a_sentence_is_whole_and_no_line_too_wide(
    message: str, action: str, effect: list[str], path: str
) -> None:
    """It stands on the first line where that can hold it; else that says shortly what to do."""
    one = finding("A", at(f"x{path}", 2, 3), message=message or "A", action=action)
    one = one.with_effect(*effect)
    head, *rest, _ = REPORTERS["text"](Report((comparison(one),), root=ROOT)).splitlines()
    place = f"x{path}:2:3: error"
    sentence, *more = (plain(scrubbed(t)) for t in (_said(one), *filter(None, effect)))
    assert head.startswith(f"{place}: ")
    told = head.removeprefix(f"{place}: ").removesuffix("[DSV003]").rstrip()
    whole = squeezed(told) == squeezed(sentence)
    wanted = more if whole else [sentence, *more]
    if not head.endswith("[DSV003]"):
        wanted = [" ".join(("[DSV003]", *wanted[:1])), *wanted[1:]]
        assert width(f"{head} [DSV003]") > WIDEST
    assert whole or width(f"{place}: {sentence}") > WIDEST
    if width(head) > WIDEST:
        *_, shortest = ReportEntry(one).briefly
        assert squeezed(told) == squeezed(scrubbed(shortest))
    at_, lines = 0, [line.replace("\\x3a:", "::") for line in rest]
    for text in wanted:
        text = text.replace("\\x3a:", "::").strip()
        taken = ""
        while squeezed(taken) != squeezed(text):
            line = lines[at_]
            assert line.startswith("    ")
            assert width(line) <= WIDEST or not re.search(r"\S [^ ]", line)
            taken, at_ = f"{taken} {line[4:]}", at_ + 1
            if width(text) <= WIDEST - 4:
                assert squeezed(taken) == squeezed(text)
    assert at_ == len(rest)


def _said(one: Finding) -> str:
    return replace(one, message=scrubbed(one.message), action=scrubbed(one.action)).sentence


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


SECRET = st.text("hunterXY0 \"'\\$`;,:#|=(){}[]é", min_size=1, max_size=14).map(
    lambda text: f"Zq9{text}Zq9"
)


def quoted(text: str, quote: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def bare(text: str) -> str:
    """A word as a shell would want it without quotes."""
    return re.sub(r"([^\w])", r"\\\1", text)


FORMS = [
    lambda s: f"export HF_TOKEN={bare(s)} A=1",
    lambda s: f"export HF_TOKEN={quoted(s, chr(34))} A=1",
    lambda s: f"--api-key {bare(s)} --tp 8",
    lambda s: f"--api-key={bare(s)} --tp 8",
    lambda s: f"--api-key {quoted(s, chr(34))} --tp 8",
    lambda s: f'"--api-key", {quoted(s, chr(34))}, "--tp"',
    lambda s: f"'--api-key', {quoted(s, chr(39))}, '--tp'",
    lambda s: f'"HF_TOKEN": {quoted(s, chr(34))}, "A": 1',
    lambda s: f'env["HF_TOKEN"] = {quoted(s, chr(39))}  # A',
    lambda s: f'os.environ.get("HF_TOKEN", {quoted(s, chr(34))})',
    lambda s: f"HF_TOKEN: {quoted(s, chr(34))}",
    lambda s: "HF_TOKEN: " + re.sub(r" #|['\"\\\[({`|]", "", s),
    lambda s: f"- {{name: HF_TOKEN, value: {quoted(s, chr(34))}}}",
    lambda s: f"${{HF_TOKEN:-{bare(s)}}}",
    lambda s: f"ENV HF_TOKEN {s}",
    lambda s: f"dict(api_key={quoted(s, chr(39))}, A=1)",
]


@given(secret=SECRET, form=st.sampled_from(FORMS), before=st.sampled_from(["", "A=1 ", "x; "]))
@settings(max_examples=300, deadline=None)
def test_no_secret_is_shown(secret: str, form: object, before: str) -> None:
    assert callable(form)
    source = form(secret)
    line = source if source.startswith("ENV") else before + source
    shown = scrubbed(line)
    assert "Zq9" not in shown
    assert scrubbed(shown) == shown
    assert shown.startswith(line[:3])


@given(text=HOSTILE)
@settings(max_examples=200, deadline=None)
def test_scrubbing_ends_and_settles(text: str) -> None:
    once = scrubbed(f"HF_TOKEN={text}\n{text}")
    assert scrubbed(once) == once
