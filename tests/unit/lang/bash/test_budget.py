"""What reading a hostile script costs, and what is told of it: counted in steps, never in time."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dsv4_env.model import LaunchConfig, Unknown, budget as guard
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import bash

L = "python3 -m sglang.launch_server"


def lines(form: str, count: int) -> str:
    """Lines with a number in each."""
    return "".join(form.replace("@", str(i)) + "\n" for i in range(count))


def nested(opening: str, closing: str, depth: int, inner: str = ":") -> str:
    """Brackets within brackets."""
    return opening * depth + inner + closing * depth


def options(count: int) -> str:
    """Optional flags that have nothing to do with each other."""
    tests = lines('if [ -n "$A@" ]; then ARGS+=(--f@ "$A@"); fi', count)
    return f'ARGS=(--tp 8)\n{tests}{L} "${{ARGS[@]}}"'


# Every one of them took seconds, gigabytes or a thousand messages once. The launch stands last.
FOUND = {
    "here-documents in a row": lines("cat <<E@\nbody $X\nE@", 3000) + L,
    "here-documents in each other": lines("cat <<E@", 2000) + lines("E@", 2000) + L,
    "ten options": options(10),
    "twenty options": options(20),
    "options in a text": 'X="--tp 8"\n' + lines('[ -n "$A@" ] && X="$X --f@ $A@"', 40) + f"{L} $X",
    "two ways each": lines('if [ "$A@" = 1 ]; then X="$X --f@"; else X="$X --g@"; fi', 12)
    + f"{L} $X",
    "options on one line": f"{L} " + " ".join(f'${{A{i}:+--f{i} "$A{i}"}}' for i in range(20)),
    "alternatives": lines('if [ -n "$A@" ] && [ -n "$B@" ]; then X=1; fi', 12) + f"{L} $X",
    "a width": f"printf -v X %0999999999d 1\n{L} $X",
    "a width given": f"printf -v X '%*s' 99999999 x\n{L} $X",
    "a doubled text": "A0=xxxx\n" + lines("A@=${A0}${A0}${A0}${A0}; A0=$A@", 20) + f"{L} $A0",
    "a doubled unknown": "A0=$Q\n" + lines("A@=${A0}${A0}; A0=$A@", 60) + f"{L} $A0",
    "doubled defaults": "A=$Q\n" + lines("A=${B@:-$A$A}", 60) + f"{L} $A",
    "doubled arguments": "set -- a b c d\n" + 'set -- "$@" "$@" "$@" "$@"\n' * 16 + f'{L} "$@"',
    "a doubled array": "A=(a b)\n" + 'A+=("${A[@]}" "${A[@]}")\n' * 20 + f'{L} "${{A[@]}}"',
    "replaced": "X=aaaa\n" + "X=${X//a/bbbbbbbb}\nX=${X//b/aaaaaaaa}\n" * 8 + f"{L} $X",
    "quoted again": 'X="\'"\n' + "X=${X@Q}\n" * 60 + f"{L} $X",
    "a range": f": {{1..9999}}{{1..9999}}\n{L}",
    "a range of long numbers": f": {{1..{'9' * 5000}}}\n{L}",
    "a product": f"{L} " + "{a,b}" * 20,
    "a recursive function": f"f() {{ f; }}\nf\n{L}",
    "functions that call two": "f0() { :; }\n"
    + lines("g@() { f0; f0; }; f0() { g@; g@; }", 30)
    + f"f0\n{L}",
    "eval in a loop": f'for i in {{1..9999}}; do eval "A$i=$i; B$i=\\$A$i"; done\n{L}',
    "eval of itself": f'X=\'eval "$X"\'\neval "$X"\n{L}',
    "a long loop": f"i=0\nuntil [ $i -eq 100000000 ]; do i=$((i+1)); done\n{L}",
    "loops in loops": "for a in {1..10}; do " * 12 + "X=1; " + "done; " * 12 + f"\n{L}",
    "loops over anything": "for a in $Q; do " * 12 + "X=1; " + "done; " * 12 + f"\n{L}",
    "sums of sums": f"a='a+a'\nX=$((a))\n{L} $X",
    "a group repeated": "X=" + "a" * 60 + f"b\n[[ $X =~ (a+)+$ ]] && Y=1\n{L} $Y",
    "choices repeated": "shopt -s extglob\nX="
    + "a" * 60
    + f"b\n[[ $X == +(+(a|aa)|a) ]] && Y=1\n{L}",
    "many may be there": "X=" + "a" * 60 + f"\n[[ $X =~ {'a?' * 60}b ]] && Y=1\n{L}",
    "many stars": "X=" + "a" * 20_000 + f"\n[[ $X == {'*a' * 30}*b ]] && Y=1\n{L}",
    "open brackets": f"[[ x == {'[' * 20_000} ]] && Y=1\n{L}",
    "a long word": f"X={'a' * 900_000}\nZ=${{X%%b*}}\nZ=${{X%b}}\n{L}",
    "a long comment": f"# {'x' * 4_000_000}\n{L}",
    "blank lines": "\n" * 4_000_000 + L,
    "assignments": lines("A@=v", 30_000) + L,
    "settings": lines("export A@=v", 20_000) + L,
    "functions": lines("f@() { :; }", 15_000) + L,
    "elements": f"A=({'a ' * 20_000})\n{L} --x",
    "elements one by one": lines("A+=(--f@ v)", 10_000) + f"{L} --x",
    "both": " && ".join([":"] * 5000) + f"\n{L}",
    "pipes": " | ".join(["cat"] * 1000) + f"\n{L}",
    "lines read": "while read -r l; do A=$l; done <<'E'\n" + "line\n" * 20_000 + f"E\n{L}",
    "lines kept": "mapfile -t A <<'E'\n" + "line\n" * 100_000 + f"E\n{L}",
    "numbers": f"X=$(seq 1 10000000)\n{L} $X",
    "sums": f"$(( {nested('( ', ' )', 3000, '1')} ))\n{L}",
    "sourcing": lines("source f@", 2000) + L,
    "unknown texts": lines('eval "$Q@"', 2000) + L,
    "a trap that sets itself": f'X=\'trap "$X" EXIT\'\ntrap "$X" EXIT\n{L}',
    "tests of one thing": "if [ $A = x ]; then X=0\n"
    + lines('elif [ "$A" = @ ]; then X=@', 200)
    + f"fi\n{L} $X",
    "a long condition": f'if [ "$A" = {"a" * 130_000} ]; then X=1; fi\n{L} $X',
}
# The launch is text within a here-document that nothing ends.
SWALLOWED = {
    "open here-documents": lines("cat <<E@", 2000) + L,
    "here-documents on one line": "cat " + "".join(f"<<E{i} " for i in range(2000)) + f"\n{L}",
}
# bash gets to no launch, or the reader doesn't: one message, and a short one.
REFUSED = {
    "open cases": "case x in (" * 30_000 + f"\n{L}",
    "open parentheses": "(" * 30_000 + f"\n{L}",
    "closed parentheses": ")" * 30_000 + f"\n{L}",
    "substitutions": f"X={nested('$(', ')', 3000, 'echo')}\n{L}",
    "defaults": f"X={nested('${a:-', '}', 3000, 'x')}\n{L}",
    "conditions": f"[[ {nested('( ', ' )', 3000, 'x')} ]]\n{L}",
    "groups": f"{nested('{ ', '; }', 3000)}\n{L}",
    "choices": f"{nested('if :; then ', '; fi', 3000)}\n{L}",
    "cases": f"{nested('case x in x) ', ';; esac', 3000)}\n{L}",
    "thousands of pipes": " | ".join(["cat"] * 50_000) + f"\n{L}",
    "escapes": 'X="' + "\\$" * 2_000_000 + f'"\n{L}',
    "commands on one line": ":;" * 2_000_000 + f"\n{L}",
    "unreadable": ";;)&|(<>{}" * 100_000 + f"\n{L}",
    "a long error": ") " + "a" * 130_000 + f"\n{L}",
}


@pytest.fixture(autouse=True)
def hang_guard() -> Iterator[None]:
    """What takes this long hangs; the limit ends with the test, as the process goes on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    before = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 60, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CPU, before)


@pytest.mark.parametrize("kind", FOUND)
def test_the_launch_is_found(kind: str) -> None:
    """Whatever stands before it; in so many words as somebody reads."""
    spent = Budget()
    launch = bash.read_all(FOUND[kind], "x.sh", budget=spent)[-1]
    assert launch.command[:2] == ("python3", "-m")
    assert spent.spent_steps <= spent.steps + 300_000
    assert len(launch.notes) <= 52
    assert len(launch.args or ()) < 500
    texts = [n.message for n in launch.notes]
    texts += [str(c) for c in (launch.condition, *(a.condition for a in launch.args or ())) if c]
    assert max(map(len, texts), default=0) <= 1200


@pytest.mark.parametrize("kind", SWALLOWED)
def test_no_launch(kind: str) -> None:
    """bash warns of such a script and runs it."""
    assert bash.read_all(SWALLOWED[kind], "x.sh") == []


@pytest.mark.parametrize("kind", REFUSED)
def test_one_message(kind: str) -> None:
    """It says where, and what was expected."""
    with pytest.raises(ReadError) as problem:
        bash.read_all(REFUSED[kind], "x.sh")
    assert str(problem.value).startswith("x.sh")
    assert "; expected " in str(problem.value)
    assert len(str(problem.value)) < 1300


def test_a_busy_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is the same twice, whatever the clock says."""
    script = "f() { f; f; X=$X$Q; }\n" + f"{L} --tp 8\nf\n{L} --tp 4 $X"
    first = bash.read_all(script, "x.sh")
    hours = iter(range(0, 10**9, 7))
    monkeypatch.setattr(guard.time, "monotonic", lambda: next(hours) / 10**6)  # type: ignore[attr-defined]
    assert bash.read_all(script, "x.sh") == first
    assert "takes too many steps" in str([n.message for n in first[1].notes])


def partial(script: str, steps: int) -> list[LaunchConfig]:
    """What is found with so many steps."""
    return bash.read_all(script, "x.sh", budget=Budget(steps=steps))


def test_what_was_found_stays() -> None:
    """It's marked, and a note says where most of the work went and leaves the rest open."""
    body = 'for i in {1..9}; do eval "for j in {1..9}; do X=$i; done"; done\n' * 30
    first, last = partial(f"export A=1\n{L} --tp 8\n{body}export B=2\n{L} --tp 4 $X\n", 40_000)
    assert (first.argv, last.argv[:2]) == (["--tp", "8"], ["--tp", "4"])
    for launch in (first, last):
        assert launch.partial
        note = next(n for n in launch.notes if "read in part" in n.message)
        assert note.opens
        assert note.location is not None


def test_what_is_not_known_is_not_told() -> None:
    """A value that only some ways were followed to is no value of the others."""
    ways = lines('if [ "$A@" = 1 ]; then X=@; fi', 12)
    for steps in (20_000, 50_000, 200_000):
        for launch in partial(f"X=start\n{ways}{L} --x $X", steps):
            known = [v for a in launch.args or () if a.condition is None for v in a.values]
            assert launch.condition or not [v for v in known if v == "start"]


def test_many_options_are_not_refused() -> None:
    """What doesn't hang on them is known."""
    launch = bash.read(options(20) + " --port 30000")
    assert launch.argv[-2:] == ["--port", "30000"]
    assert any(isinstance(w, Unknown) for w in launch.argv)


@pytest.mark.parametrize(
    "form",
    [
        "export A_@=v",
        'export A_@="$B"',
        "ARGS+=(--f@ v)",
        "f@() { echo x; }",
        "cat <<E\nbody $X\nE",
        "# a comment",
        "A_@=1 B_@=2",
    ],
)
def test_ten_times_the_lines_take_ten_times_the_steps(form: str) -> None:
    """Of a script that isn't hostile."""
    spent: list[int] = []
    for count in (300, 3000):
        budget = Budget()
        assert len(bash.read_all(lines(form, count) + L, "x.sh", budget=budget)) == 1
        spent.append(budget.spent_steps)
    assert spent[1] <= 12 * spent[0]


def test_memory() -> None:
    """Doubling a text sixteen times makes none of it."""
    script = "A=xxxxxxxxxxxxxxxx\n" + "export A=$A$A$A$A\n" * 16 + f"{L} $A"
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20))\n"
        "from dsv4_env.readers import bash\n"
        "print(len(bash.read_all(sys.stdin.read(), 'x.sh')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=script, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


@pytest.mark.parametrize(
    "script",
    [
        "# a remark\n" * 250_000 + L,
        lines("export A_@=v", 40_000) + L,
        lines('A_@="$B"', 40_000) + L,
        lines("echo x", 40_000) + L,
    ],
    ids=["remarks", "settings", "assignments", "echoes"],
)
def test_long_scripts_are_read_whole(script: str) -> None:
    """Fifty thousand plain lines, and whatever says nothing."""
    assert not bash.read(script).partial


def test_one_of_many_ways_is_told_without_comparing_all_that_was_set() -> None:
    """It took the square: half a minute for what spends the whole budget."""
    budget = Budget(steps=200_000)
    script = lines("case $A in x) B=@;; esac", 8_000) + L
    with pytest.raises(ReadError, match="too many steps"):
        bash.read_all(script, "x.sh", budget=budget)


def test_remarks_within_texts_stay() -> None:
    """However many comments are skipped at once."""
    text = "# one\n" * 12_000
    script = f"{text}X='\n# two\n# three'\ncat <<E\n# four\n# five\nE\n{text}{L} --x \"$X\""
    assert bash.read(script).argv == ["--x", "\n# two\n# three"]


def test_what_breaks_off_a_shells_text_is_told_of_launches_before_it() -> None:
    """A launch that is read in part says why."""
    script = f"bash <<'EOF'\n{L} --tp 8\nfor <<\nEOF\n{L} --tp 4"
    for config in bash.read_all(script, "x.sh"):
        assert config.partial
        assert any("syntax error" in n.message for n in config.notes)


def test_values_that_do_not_last_are_few() -> None:
    """Each test doubles what a place may set; the last of them is told in full."""
    tests = lines('if [ "$A@" = 1 ]; then X="$X --f@"; else X="$X --g@"; fi', 7)
    env = bash.read(f"export X\n{tests}{L} $X").env
    assert len([e for e in env if e.superseded]) <= 4 * 14
    (last,) = [e for e in env if not e.superseded]
    assert isinstance(last.value, Unknown)
    assert last.condition is None


def test_refused_texts_take_no_memory_for_good() -> None:
    """Of each such text, fifty megabytes were kept once."""
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))\n"
        "from dsv4_env.model.errors import ReadError\n"
        "from dsv4_env.readers import bash\n"
        "for _ in range(16):\n"
        "    try:\n"
        "        bash.read_all('[[ (' * 10_000, 'x.sh')\n"
        "    except ReadError:\n"
        "        pass\n"
        "print(True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
