"""The page in a real browser: filters, keys, themes, hostile values, phone and paper."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsv4_env import __version__, cli
from dsv4_env.model import Unknown
from dsv4_env.profile import load_profile
from tests.browser import pages, screenshots

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Request


pytestmark = pytest.mark.long

Visit = Callable[..., "Page"]
HACK = "SGLANG_HACK_FLASHMLA_BACKEND"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = pages.browser_path()
    if path is None:
        message = "no chromium is installed"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with pages.browser(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DSV4_ENV_SGLANG", "0.5.13")  # its script is of then
        return pages.demo(tmp_path_factory.mktemp("demo"))


TARGETS = ["SGLang 0.5.23 on mi355x", "SGLang 0.5.20 on b200"]


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two profiles and two targets; one of its launches doesn't start on the first."""
    folder = tmp_path_factory.mktemp("switched")
    (folder / "run.sh").write_text(
        "export SGLANG_OPT_USE_TOPK_V2=false\n"
        "sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp 8 --page-size 64\n"
        "sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --enable-prefill-cp --tp 8 "
        "--cp-strategy interleave --enable-two-batch-overlap\n"
    )
    words = ["report", "pro-fp4", "flash-fp8", "--html", str(folder / "out.html")]
    words += ["--sglang", "0.5.23", "--target", "@mi355x", "--target", "0.5.20@b200"]
    with contextlib.chdir(folder):
        assert cli.run([*words, "--against", "run.sh"]) == 0
    return folder / "out.html"


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Open a page (a file, or its text); nothing may go wrong, fetch anything or open a dialog."""
    wrong: list[str] = []
    contexts = []

    def refuse(dialog: Dialog) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def look(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            wrong.append(request.url)

    def call(page: Path | str, hash_: str = "", **options: Any) -> Page:
        if isinstance(page, str):
            path = tmp_path / "page.html"
            path.write_text(page)
            page = path
        context = browser.new_context(**{"reduced_motion": "reduce", **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        opened = context.new_page()
        opened.on("console", lambda m: wrong.append(f"{m.type}: {m.text}"))
        opened.on("pageerror", lambda e: wrong.append(str(e)))
        opened.on("dialog", refuse)
        opened.on("request", look)
        opened.goto(page.as_uri() + hash_)
        return opened

    yield call
    for context in contexts:
        context.close()
    assert wrong == []


def shown(page: Page, query: str = ".row") -> list[str]:
    """The names of the rows that can be seen."""
    found: list[str] = page.locator(f"{query}:visible > th").all_inner_texts()
    return [name.split("\n")[0] for name in found]


def cell(page: Page, name: str, column: int) -> Any:
    return page.locator(f'.row[data-name~="{name.lower()}"] > *').nth(column)


def line(name: str) -> int | None:
    """Where the profile sets a variable."""
    location = load_profile("pro-fp4", sglang="0.5.13").config.effective_env[name].location
    return location.line if location else None


def active(page: Page) -> str:
    text: str = page.evaluate("document.activeElement.textContent")
    return text


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with what can be seen."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{v['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for v in found["violations"]
        for node in v["nodes"]
    ]


def test_the_summary_comes_first(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    assert page.title() == "Drift · dsv4-env"
    assert page.inner_text("h1") == "Drift"
    tiles = page.locator(".summary .tile").all_inner_texts()
    assert [t.split() for t in tiles] == [
        ["6", "errors"], ["5", "warnings"], ["3", "notes"], ["11", "waived"],
    ]  # fmt: skip
    assert page.locator(".comparisons li").count() == 3
    assert "live process" in page.inner_text(".comparisons")


def test_marks_and_values(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    texts = {
        name: [cell(page, name, n).inner_text().split("\n")[0] for n in range(1, 5)]
        for name in (HACK, "SGLANG_USE_ROCM700A", "--tp", "--mem-fraction-static", "HF_TOKEN")
    }
    assert texts[HACK][:2] == ["triton", "≠tilelang"]
    assert texts["SGLANG_USE_ROCM700A"][1] == "∅not set"  # its image sets it
    assert texts["--tp"][:2] == ["8", "≈8"]
    assert texts["--mem-fraction-static"][1] == "?<$(free_memory)>"
    assert texts["HF_TOKEN"] == ["", "+********", "", ""]
    renamed = cell(page, "SGLANG_ENABLE_THINKING", 2)
    assert renamed.inner_text() == "↔SGLANG_ENABLE_THINKING 1"
    assert renamed.locator("b").get_attribute("aria-label") == "renamed"
    same = "e => getComputedStyle(e, '::before').content"
    assert "✓" in cell(page, "--page-size", 2).evaluate(same)


def test_no_secret_is_in_the_page(demo: Path) -> None:
    assert "hf_abc" not in demo.read_text()


def test_filters_combine_and_stay_in_the_address(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    folded = shown(page)
    page.get_by_role("button", name="Set by SGLang itself").click()
    everything = shown(page)
    assert set(folded) < set(everything)
    page.fill("#q", "use aiter")
    assert shown(page) == ["SGLANG_USE_AITER", "SGLANG_OPT_USE_AITER_INDEXER"]
    page.fill("#q", "")
    page.select_option("#section", "args")
    assert {n[:2] for n in shown(page)} == {"--"}
    page.get_by_role("button", name="changed").click()
    assert shown(page) == ["--max-running-requests", "--chunked-prefill-size"]
    assert page.inner_text("#count") == f"2 of {len(everything)} shown"
    address = page.evaluate("location.hash")
    assert address == "#section=args&status=changed"
    again = visit(demo, address)
    assert shown(again) == shown(page)
    assert again.get_attribute('[data-status="changed"].chip', "aria-pressed") == "true"
    again.get_by_role("button", name="Clear").click()
    assert shown(again) == everything
    again.select_option("#owner", "Hugging Face")
    assert shown(again) == ["HF_TOKEN"]
    again.fill("#q", "nothing like it")
    assert again.is_visible("#nothing")


def test_a_cell_opens_by_click(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    assert page.is_hidden("#panel")
    cell(page, HACK, 2).click()
    text = page.inner_text("#panel")
    assert page.inner_text("#panel-title") == HACK
    for part in (
        "changed", "DSV003", "python/run_dsv4.sh:21:8", "export SGLANG_HACK_FLASHMLA_BACKEND=",
        '"tilelang"', '"triton"', "common", f"dsv4_env/profiles/common.toml:{line(HACK)}:1",
        'not the same everywhere (SGLang 0.5.13)', "SGLang 0.5.13 to 0.5.23",
    ):  # fmt: skip
        assert part in text
    page.keyboard.press("Escape")
    assert page.is_hidden("#panel")


def test_a_link_opens_a_cell(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    cell(page, "--tp", 2).click()
    again = visit(demo, page.evaluate("location.hash"))
    assert again.inner_text("#panel-title") == "--tp"
    assert "--tp is short for --tp-size" in again.inner_text("#panel")


def test_waivers_conditions_and_reasons_are_told(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    cell(page, "SGLANG_OPT_USE_TOPK_V2", 3).click()
    assert "waived: the test tries the fused path, until 2999-01-01" in page.inner_text("#panel")
    cell(page, "--mem-fraction-static", 2).click()
    assert "can't be known: the output of a command" in page.inner_text("#panel")


def test_rows_and_columns_open_too(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    cell(page, HACK, 0).click()
    assert '≠ "tilelang"' in page.inner_text("#panel")
    page.locator("thead [data-col]").nth(3).click()
    assert "live process" in page.inner_text("#panel")
    assert "-m sglang.launch_server" in page.inner_text("#panel")
    page.get_by_role("button", name="Close").click()
    cell(page, HACK, 1).click()
    page.get_by_role("button", name="Show its history").click()
    assert page.locator("article:visible h3").all_inner_texts() == [HACK]


def test_the_grid_is_used_with_keys(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    assert page.locator("#grid [tabindex]").count() == 1
    page.focus("#grid [tabindex]")
    first = active(page)
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert active(page) == cell(page, "SGLANG_USE_ROCM700A", 2).text_content()
    page.keyboard.press("Enter")
    assert active(page) == "SGLANG_USE_ROCM700A"  # the panel's title
    page.keyboard.press("Escape")
    assert page.is_hidden("#panel")
    assert active(page) == cell(page, "SGLANG_USE_ROCM700A", 2).text_content()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Home")
    assert active(page) == "Setting"
    page.keyboard.press("ArrowDown")
    assert active(page) == first
    page.keyboard.press("Control+End")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.cellIndex") == 4
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"


def test_arrows_move_an_open_panel_along(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    cell(page, "SGLANG_USE_AITER", 2).click()
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#panel-title") == "SGLANG_USE_ROCM700A"


def test_groups_fold(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    fold = page.get_by_role("button", name="Environment")
    fold.click()
    assert fold.get_attribute("aria-expanded") == "false"
    assert "SGLANG_OPT_USE_TOPK_V2" not in shown(page)
    assert HACK in shown(page)


def test_views_are_tabs(demo: Path, visit: Visit) -> None:
    page = visit(demo)
    assert page.locator(".view:visible").count() == 1
    page.focus("#tab-matrix")
    page.keyboard.press("ArrowRight")
    assert active(page).startswith("Findings")
    assert page.locator(".finding:visible").count() == 25
    page.keyboard.press("ArrowRight")
    rows = page.locator(".layers[open] tbody tr:visible")
    place = f"dsv4_env/profiles/fp4.toml:{line('SGLANG_DSV4_FP4_EXPERTS')}:1"
    assert place in rows.filter(has_text="FP4_EXPERTS").inner_text()
    page.keyboard.press("ArrowRight")
    assert "view=effective" in page.evaluate("location.hash")
    page.keyboard.press("ArrowRight")
    assert "view=history" in page.evaluate("location.hash")
    lane = page.locator(f'[data-name="{HACK.lower()}"] svg[role=img]').first
    assert "2026-04-26 torch" in str(lane.get_attribute("aria-label"))
    assert page.locator(".lags tbody tr").count() == 4


def made(page: Page) -> list[str]:
    """What SGLang makes of settings, as the profile's column shows it."""
    found: list[str] = page.locator(".row > td.own i").all_text_contents()
    return found


def test_the_target_is_switched(switched: Path, visit: Visit) -> None:
    page = visit(switched)
    assert page.locator("#target option").all_inner_texts() == TARGETS
    before = made(page)
    topk = cell(page, "SGLANG_OPT_USE_TOPK_V2", 1).locator("i")
    assert topk.inner_text() == "True"
    page.select_option("#target", "1")
    assert page.evaluate("location.hash") == "#target=1"
    after = made(page)
    assert after != before
    assert topk.count() == 0
    cell(page, "SGLANG_HACK_FLASHMLA_BACKEND", 1).click()
    assert f"{TARGETS[1]}\n→ no effect" in page.inner_text("#panel")
    page.click("#tab-effective")
    assert page.locator(".made:visible h3").all_inner_texts() == [TARGETS[1]]
    again = visit(switched, "#target=1")
    assert made(again) == after
    again.select_option("#target", "0")
    assert made(again) == before
    assert again.evaluate("location.hash") == ""
    odd = visit(switched, "#target=9&profile=none")
    assert made(odd) == before


def test_what_does_not_start_is_told_above_its_column(switched: Path, visit: Visit) -> None:
    page = visit(switched)
    stops = page.locator("thead .stop:visible")
    assert stops.all_inner_texts() == ["doesn't start"] * 2  # held to each of the profiles
    stops.first.click()
    assert f"It doesn't start on {TARGETS[0]}: " in page.inner_text("#panel")
    page.select_option("#target", "1")
    assert stops.count() == 0


def test_an_effective_value_leads_to_its_row(switched: Path, visit: Visit) -> None:
    page = visit(switched, "#view=effective")
    page.locator(".made:visible a").get_by_text("SGLANG_OPT_USE_TOPK_V2").first.click()
    page.wait_for_selector("#panel:visible")
    assert page.inner_text("#panel-title") == "SGLANG_OPT_USE_TOPK_V2"
    assert page.is_visible("#view-matrix")
    assert "→ True" in page.inner_text("#panel")


def test_one_profile_is_chosen(switched: Path, visit: Visit) -> None:
    page = visit(switched)
    every = page.locator("thead [data-col]:visible").count()
    page.select_option("#profile", "flash-fp8")
    assert page.locator(".band:visible").all_inner_texts() == ["flash-fp8"]
    assert page.locator("thead [data-col]:visible").count() == every // 2
    first = page.locator(".row:visible").first
    first.locator("> th").click()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.cellIndex") == 1 + every // 2
    assert page.evaluate("document.activeElement.checkVisibility()")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.cellIndex") == every
    page.get_by_role("button", name="Clear").click()
    assert page.locator("thead [data-col]:visible").count() == every


@pytest.mark.parametrize("width", [1600, 390])
def test_the_matrix_starts_on_the_first_screen(width: int, switched: Path, visit: Visit) -> None:
    height = {1600: 1000, 390: 844}[width]
    page = visit(switched, viewport={"width": width, "height": height})
    box = page.locator("#grid tbody .row").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < height * 0.75


def test_a_profiles_column_stays_until_the_next_one(visit: Visit, switched: Path) -> None:
    page = visit(switched, viewport={"width": 390, "height": 700})
    scroll = page.locator("#view-matrix .scroll")
    own = page.locator("thead .own")
    edge = page.locator("thead th.corner").bounding_box()
    assert edge is not None
    left = edge["x"] + edge["width"]

    def at(number: int) -> float:
        box = own.nth(number).bounding_box()
        assert box is not None
        return box["x"]

    assert at(0) == pytest.approx(left, abs=1)
    scroll.evaluate("e => e.scrollTo(60, 0)")
    assert at(0) == pytest.approx(left, abs=1)
    scroll.evaluate("e => e.scrollTo(9999, 0)")
    assert at(1) == pytest.approx(left, abs=1)
    box = own.nth(1).bounding_box()
    assert box is not None
    found = "([x, y]) => document.elementFromPoint(x, y).closest('th').dataset.col"
    top = page.evaluate(found, [left + 8, box["y"] + 8])
    assert top == own.nth(1).get_attribute("data-col")  # it lies over the first one


def test_columns_are_as_wide_as_their_values(visit: Visit) -> None:
    long = "a_value_that_is_quite_long_by_itself_and_goes_on"
    env = {"SGLANG_USE_AITER": "0", "SGLANG_DEFAULT_THINKING": "1"}
    config = pages.launch("a_rather_long_name_of_a_script_that_wraps.sh", env)
    wide = pages.launch("b.sh", {**env, "SGLANG_USE_AITER": long})
    page = visit(
        pages.page_of(config, wide, config, config, config), viewport={"width": 800, "height": 700}
    )
    widths = [
        page.locator("thead [data-col]").nth(n).evaluate("e => e.offsetWidth") for n in (1, 2)
    ]
    assert widths[0] < widths[1] <= 11.5 * 16
    text = cell(page, "SGLANG_USE_AITER", 3)
    assert text.inner_text() == f"≠{long}"  # all of it is there, behind an ellipsis


def test_the_foot_tells_what_it_was_made_of(demo: Path, visit: Visit) -> None:
    foot = visit(demo).inner_text("footer")
    assert f"dsv4-env {__version__}" in foot
    assert "made on " in foot
    assert "sglang-repository main at " in foot


def test_dark_and_light(demo: Path, visit: Visit) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    page = visit(demo, color_scheme="dark")
    assert page.evaluate(back) == "rgb(13, 17, 23)"
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate(back) == "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(back) == "rgb(255, 255, 255)"
    assert visit(demo, color_scheme="light").evaluate(back) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(demo: Path, visit: Visit, scheme: str) -> None:
    page = visit(demo, color_scheme=scheme)
    cell(page, HACK, 2).click()
    found = violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="changed").click()
    page.fill("#q", "backend")  # one of each kind is enough, and axe takes its time
    for view in ("matrix", "findings", "layers", "effective", "history"):
        page.click(f"#tab-{view}")
        found += violations(page)
    assert found == []


@pytest.mark.parametrize("view", ["matrix", "findings", "layers", "effective", "history"])
def test_a_phone_scrolls_the_matrix_and_not_the_page(demo: Path, visit: Visit, view: str) -> None:
    page = visit(demo, f"#view={view}", viewport={"width": 360, "height": 740})
    too_wide = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(too_wide) <= 0
    if view == "matrix":
        assert page.evaluate(
            "(e => e.scrollWidth > e.clientWidth)(document.querySelector('.scroll'))"
        )
        cell(page, HACK, 2).click()
        assert page.evaluate(too_wide) <= 0
        box = page.locator("#panel").bounding_box()
        assert box is not None
        assert (box["x"], box["width"]) == (0, 360)


def test_the_first_column_and_the_head_stay(visit: Visit) -> None:
    page = visit(pages.large(60, 20), viewport={"width": 1000, "height": 700})
    page.evaluate("document.querySelector('#view-matrix .scroll').scrollTo(900, 900)")
    where = "e => { const b = e.getBoundingClientRect(); return [b.x, b.y]; }"
    grid = page.locator("#view-matrix .scroll").evaluate(where)
    assert page.locator(".row > th").nth(40).evaluate(where)[0] == pytest.approx(grid[0] + 1)
    assert page.locator("thead .corner").first.evaluate(where)[1] == pytest.approx(grid[1] + 1)


def test_paper_shows_everything(demo: Path, visit: Visit) -> None:
    page = visit(demo, "#status=changed")
    page.emulate_media(media="print")
    assert page.locator(".view:visible").count() == 5
    assert page.is_hidden("#bar")
    assert page.pdf().startswith(b"%PDF")


def test_it_is_readable_without_scripts(demo: Path, visit: Visit) -> None:
    page = visit(demo, java_script_enabled=False)
    assert page.locator(".view:visible").count() == 5
    assert page.is_hidden("#bar")


def test_many_settings_and_launches(visit: Visit) -> None:
    page = visit(pages.large(200, 40))
    assert page.locator(".row > td").count() == 200 * 40
    assert page.locator("#grid [tabindex]").count() == 1
    page.fill("#q", "setting_199")
    assert shown(page) == ["SGLANG_SETTING_199"]


ATTACKS = [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "]]>",
    "\"'><svg onload=alert(1)>", "{{ 7 * 7 }}{% raw %}", "javascript:alert(1)", "\u2028\u2029",
    "\u202e<b>", "&lt;i&gt;&amp;", "`${alert(1)}`", "\x1b[31m", "\udcff", "</title></style><u>",
]  # fmt: skip


def attacked(texts: list[str]) -> str:
    env = {f"SGLANG_A{n}": text for n, text in enumerate(texts)}
    first = texts[0]
    config = pages.launch(f"{first}/run.sh::{first}", env, [f"--{first}", *texts], first)
    return pages.page_of(config, made=first)


def test_hostile_values_stay_text(visit: Visit) -> None:
    """They make no element that harmless ones don't, in the page and in each panel."""
    counts = []
    for texts in (["harmless"] * len(ATTACKS), ATTACKS):
        page = visit(attacked(texts))
        counted = []
        for number in range(len(texts)):
            cell(page, f"SGLANG_A{number}", 2).click()
            counted.append(page.evaluate("document.querySelectorAll('*:not(wbr)').length"))
            if texts is ATTACKS and number < 2:
                assert ATTACKS[number] in page.inner_text("#panel").replace("\\", "")
        for query in ("thead [data-col]", ".row:visible > th"):
            page.locator(query).last.click()
            counted.append(page.evaluate("document.querySelectorAll('*:not(wbr)').length"))
        counts.append(counted)
    assert counts[0] == counts[1]


def test_a_hostile_address_does_nothing(demo: Path, visit: Visit) -> None:
    page = visit(demo, "#q=<img src=x onerror=alert(1)>&open='];alert(1)@0&view=x&status=%22]")
    assert page.locator("img").count() == 0
    assert page.is_visible("#nothing")


def test_unknown_values_tell_what_decides_them(visit: Visit) -> None:
    config = pages.launch("run.sh", {"SGLANG_USE_AITER": Unknown("$X", "not set", ("X",), "1")})
    page = visit(pages.page_of(config))
    assert cell(page, "SGLANG_USE_AITER", 2).inner_text() == "unless X is set"


def test_the_screenshots_are_small(browser: Browser, demo: Path, tmp_path: Path) -> None:
    made = screenshots.take(browser, demo.as_uri(), tmp_path / "shots")
    kept = {p.name: p.stat().st_size for p in screenshots.FOLDER.iterdir()}
    assert set(kept) == {p.name for p in made}
    assert max(kept.values()) < screenshots.LIMIT
