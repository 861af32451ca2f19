"""The page at ``/`` in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from reviewer.errors import EngineError
from reviewer.folders import OWN_MANUAL
from reviewer.service.keys import add_key
from tests.browser.conftest import Serve
from tests.service.fakes import CLEAN, FAMILIAR, RED, REWRITE, FakeReviewer
from tests.service.listening import Served
from tests.service.several import shorter_manual

pytestmark = pytest.mark.enable_socket


def ask(page: Page, served: Served, draft: str) -> None:
    if page.url != f"{served.url}/":
        page.goto(served.url)
    page.get_by_label("要发出的回复").fill(draft)
    page.keyboard.press("Control+Enter")


def verdict(page: Page, kind: str, text: str) -> None:
    """Wait for the banner; pass is the only kind that may look like one."""
    banner = page.locator("#verdict")
    expect(banner).to_contain_text(text)
    expect(banner).to_have_class(f"verdict {kind}")


def test_ctrl_enter_reviews_and_the_verdict_is_announced(page: Page, served: Served) -> None:
    page.goto(served.url)
    expect(page.get_by_label("要发出的回复")).to_be_focused()
    ask(page, served, CLEAN)
    verdict(page, "pass", "通过")
    ask(page, served, FAMILIAR)
    verdict(page, "advise", "建议修改")
    ask(page, served, RED)
    verdict(page, "block", "不要发出")
    assert page.get_by_role("status").filter(has_text="拦截").get_attribute("aria-live") == "polite"


def test_a_manual_can_be_chosen_where_there_is_more_than_one(
    page: Page, served: Served, serve: Serve, tmp_path: Path
) -> None:
    page.goto(served.url)
    expect(page.locator("#service")).to_contain_text("46 条规则")
    expect(page.get_by_label("手册")).to_be_hidden()
    reviewer = FakeReviewer()
    with serve(reviewer, manuals={"乙": shorter_manual(tmp_path / "乙")}) as several:
        page.goto(several.url)
        page.get_by_label("手册").select_option("乙")
        expect(page.locator("#service")).to_contain_text("45 条规则")
        ask(page, several, CLEAN)
        verdict(page, "pass", "通过")
        page.get_by_label("手册").select_option("按设置")
        expect(page.locator("#stale")).to_contain_text("改")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#stale")).to_be_empty()
        verdict(page, "pass", "通过")
    assert reviewer.asked_by == ["乙", OWN_MANUAL]


def test_manuals_are_offered_once_the_models_are_loaded(page: Page, serve: Serve, tmp_path: Path) -> None:
    def loading(route: Route) -> None:
        asked.append(route)
        if len(asked) < 3:
            route.fulfill(status=503, headers={"Retry-After": "0"}, json={})
        else:
            route.continue_()

    asked = list[Route]()
    page.route("**/readyz", loading)
    with serve(manuals={"乙": shorter_manual(tmp_path / "乙")}) as served:
        page.goto(served.url)
        expect(page.get_by_label("手册")).to_be_visible()
        expect(page.locator("#service")).to_contain_text("服务就绪")
    assert len(asked) == 3


def test_the_situation_goes_with_the_draft(page: Page, served: Served) -> None:
    page.goto(served.url)
    page.get_by_label("客户的最后一条消息").fill("在吗")
    page.get_by_label("渠道").select_option("在线")
    page.get_by_label("阶段").select_option("开头")
    page.get_by_label("客户身份").select_option("未核实")
    page.get_by_text("此前的对话、工号").click()
    page.get_by_label("此前的对话", exact=True).fill("客户：喂\n还在吗\n坐席: 您好")
    page.get_by_label("可以告知客户的工号").fill("8866")
    page.get_by_label("已确认的事实").fill("满 99 元包邮\n\n")
    ask(page, served, CLEAN)
    verdict(page, "pass", "通过")
    [request] = served.reviewer.requests
    assert request.model_dump() == {
        "draft": CLEAN,
        "customer": "在吗",
        "history": [{"role": "customer", "text": "喂\n还在吗"}, {"role": "agent", "text": "您好"}],
        "channel": "online",
        "stage": "opening",
        "identity_verified": False,
        "agent_id": "8866",
        "facts": ["满 99 元包邮"],
    }


def test_an_unusable_conversation_is_told_beside_the_form(page: Page, served: Served) -> None:
    page.goto(served.url)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_text("请先填写要发出的回复。")
    page.get_by_text("此前的对话、工号").click()
    page.get_by_label("此前的对话", exact=True).fill("喂")
    ask(page, served, CLEAN)
    expect(page.get_by_role("alert")).to_contain_text("第 1 行没有写明是谁说的")
    assert served.reviewer.requests == []


def test_a_marked_clause_tells_its_rule_on_hover_and_on_focus(page: Page, served: Served) -> None:
    ask(page, served, "😀你好，钱转我个人账户。")
    mark, tip = page.locator("mark").filter(has_text="个人账户"), page.get_by_role("tooltip")
    expect(mark).to_have_text("①个人账户")
    expect(page.locator("#marked")).to_have_text("😀②你好，钱转我①个人账户。")
    mark.hover()
    expect(tip).to_contain_text("E03")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.locator("mark").filter(has_text="你").focus()
    expect(tip).to_contain_text("A01")
    page.keyboard.press("Tab")
    expect(tip).to_contain_text("E03")
    expect(mark).to_have_accessible_name("①个人账户")
    expect(mark).to_have_accessible_description(re.compile("E03"))
    page.keyboard.press("Enter")
    expect(page.locator("#findings li").first).to_be_focused()


def test_a_finding_quotes_the_manual(page: Page, served: Served) -> None:
    ask(page, served, FAMILIAR)
    finding = page.locator("#findings li")
    expect(finding.locator("blockquote")).to_contain_text("全程用“您”称呼客户。")
    expect(finding.locator("cite")).to_have_text("服务规范 · A01 敬语称谓")
    expect(finding).to_contain_text("轻微")


def test_a_rewrite_is_compared_copied_and_taken_over(page: Page, served: Served) -> None:
    ask(page, served, FAMILIAR)
    expect(page.locator("#rewrite")).to_have_text(REWRITE)
    expect(page.locator("#rewrite-status")).to_have_text("已核对。")
    page.get_by_text("与草稿的差别").click()
    expect(page.locator("#diff del")).to_contain_text(["你好"])
    assert page.locator("#diff ins").count() >= 1
    expect(page.get_by_role("button", name="复制")).to_be_enabled()
    page.keyboard.press("Alt+C")
    expect(page.locator("#copied")).to_have_text("已复制。")
    assert page.evaluate("navigator.clipboard.readText()") == REWRITE
    page.keyboard.press("Alt+U")
    expect(page.get_by_label("要发出的回复")).to_have_value(REWRITE)
    expect(page.locator("#stale")).to_contain_text("改之前的结果")


def test_what_was_not_reviewed_never_looks_like_a_pass(page: Page, served: Served) -> None:
    ask(page, served, CLEAN)
    verdict(page, "pass", "通过")
    served.reviewer.out_of_time = True
    ask(page, served, f"{CLEAN}谢谢。")
    verdict(page, "not_assessed", "没有审完，不等于通过")
    expect(page.locator("#tail")).to_contain_text("没有审到 1 条规则——到时限仍未问到：E01")
    served.reviewer.fault = EngineError("引擎坏了。")
    ask(page, served, f"{CLEAN}再见。")
    verdict(page, "failed", "没有审核，不等于通过")
    expect(page.locator("#verdict")).to_contain_text("引擎坏了。")


def test_a_stream_that_breaks_off_is_no_pass(page: Page, served: Served) -> None:
    cut = 'event: verdict\ndata: {"request_id": "x", "gate": "pass", "verdict": "pass", "score": 100}\n\n'
    page.route("**/v1/review/stream", lambda route: route.fulfill(body=cut, content_type="text/event-stream"))
    ask(page, served, CLEAN)
    verdict(page, "failed", "没有审核，不等于通过")


def test_a_gate_that_the_page_does_not_know_is_no_pass(page: Page, served: Served) -> None:
    def answer(event: str, data: str) -> str:
        return f"event: {event}\ndata: {data}\n\n"

    odd = answer("verdict", '{"request_id": "x", "gate": "new", "verdict": "pass", "score": 100}')
    page.route("**/v1/review/stream", lambda route: route.fulfill(body=odd, content_type="text/event-stream"))
    page.goto(served.url)
    page.evaluate(
        "window.seen = []; const banner = document.querySelector('#verdict');"
        "new MutationObserver(() => seen.push(banner.className)).observe(banner, {attributes: true})"
    )
    ask(page, served, CLEAN)
    verdict(page, "failed", "没有审核")
    seen = page.evaluate("seen")
    assert "verdict not_assessed" in seen
    assert "verdict pass" not in seen


def test_a_result_is_marked_old_when_the_draft_changes(page: Page, served: Served) -> None:
    ask(page, served, CLEAN)
    verdict(page, "pass", "通过")
    page.get_by_label("要发出的回复").fill(RED)
    expect(page.locator("#stale")).to_contain_text("输入已经改了")
    expect(page.locator("#result")).to_have_class("is-stale")
    page.get_by_label("要发出的回复").fill(CLEAN)
    expect(page.locator("#stale")).to_be_empty()


def test_text_is_never_html_and_hidden_characters_are_spelled_out(page: Page, served: Served) -> None:
    ask(page, served, "你<img src=x onerror=alert(1)><b>好</b>\u202e。")
    verdict(page, "advise", "建议修改")
    expect(page.locator("#marked")).to_contain_text("<img src=x onerror=alert(1)><b>好</b><U+202E>。")
    assert page.locator("#result img, #result b").count() == 0


def test_history_stays_in_this_browser_and_can_be_cleared(page: Page, served: Served) -> None:
    ask(page, served, RED)
    verdict(page, "block", "不要发出")
    ask(page, served, CLEAN)
    verdict(page, "pass", "通过")
    page.reload()
    entries = page.locator("#history-list button")
    expect(entries).to_have_count(2)
    entries.filter(has_text=RED).click()
    verdict(page, "block", "不要发出")
    expect(page.get_by_label("要发出的回复")).to_have_value(RED)
    expect(page.locator("#stale")).to_have_text(re.compile("^这是 .+ 的历史结果，不是现在审的。$"))
    expect(page.locator("#result")).to_have_class("is-stale")
    page.get_by_role("button", name="清除历史").click()
    expect(entries).to_have_count(0)
    page.get_by_label("保留最近 30 次").uncheck()
    ask(page, served, FAMILIAR)
    expect(page.locator("#rewrite-status")).to_have_text("已核对。")
    page.reload()
    expect(page.get_by_label("保留最近 30 次")).not_to_be_checked()
    expect(entries).to_have_count(0)


def test_feedback_reaches_the_record(page: Page, serve: Serve) -> None:
    with serve(serve_record_text=True) as served:
        ask(page, served, FAMILIAR)
        group = page.get_by_role("group", name="对“敬语称谓”的反馈")
        group.get_by_role("button", name="不采纳").click()
        group.get_by_role("textbox").fill("引用客户的话")
        page.keyboard.press("Enter")
        expect(group.get_by_role("status")).to_have_text("已记下，谢谢。")
        page.get_by_label("要发出的回复").fill("您好，请等。")
        expect(group.get_by_role("button", name="不采纳")).to_be_disabled()
        group.get_by_role("textbox").press("Enter")
        with page.expect_response("**/v1/feedback"):
            group.get_by_role("button", name="自己改了").click()
        [(_, notes)] = served.service.record.with_feedback()
    assert [(note.rule, note.action, note.reason, note.reply) for note in notes] == [
        ("A01", "overruled", "引用客户的话", ""),
        ("A01", "edited", "", "您好，请等。"),
    ]


def test_a_key_is_asked_for_where_one_is_needed(page: Page, serve: Serve, tmp_path: Path) -> None:
    secret = add_key(tmp_path / "keys.json", "前台")
    with serve() as served:
        ask(page, served, CLEAN)
        verdict(page, "failed", "没有审核，不等于通过")
        page.get_by_label("密钥", exact=True).fill(secret)
        ask(page, served, CLEAN)
        verdict(page, "pass", "通过")
        page.reload()
        expect(page.get_by_label("密钥", exact=True)).to_have_value(secret)
        assert page.evaluate("localStorage.getItem('reviewer.key')") is None


def test_the_page_works_where_it_may_not_remember(page: Page, serve: Serve, tmp_path: Path) -> None:
    page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, {get() { throw new DOMException('no', 'SecurityError'); }});"
    )
    secret = add_key(tmp_path / "keys.json", "前台")
    with serve() as served:
        page.goto(served.url)
        page.get_by_label("密钥", exact=True).fill(secret)
        ask(page, served, CLEAN)
        verdict(page, "pass", "通过")


def test_a_newer_review_replaces_the_one_under_way(page: Page, served: Served) -> None:
    served.reviewer.gate.clear()
    ask(page, served, RED)
    assert served.reviewer.started.wait(10)
    ask(page, served, CLEAN)
    served.reviewer.gate.set()
    verdict(page, "pass", "通过")
    expect(page.locator("#history-list button")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/demo"])
def test_a_phone_shows_everything_without_scrolling_sideways(
    page: Page, served: Served, scheme: str, path: str
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(served.url + path)
    if path == "/":
        ask(page, served, f"{RED}{FAMILIAR}" + "很长的话" * 60 + "x" * 200)
        verdict(page, "block", "不要发出")
        expect(page.locator("#rewrite-status")).to_have_text("已核对。")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_control_has_a_name(page: Page, served: Served) -> None:
    ask(page, served, FAMILIAR)
    expect(page.locator("#rewrite-status")).to_have_text("已核对。")
    page.evaluate(
        "document.querySelectorAll('details').forEach((part) => { part.open = true; });"
        "document.querySelectorAll('[hidden]:not(.tip)').forEach((part) => { part.hidden = false; });"
    )
    for control in page.locator("button, input, select, textarea, mark").all():
        expect(control).to_have_accessible_name(re.compile(r"\S"))
    assert page.locator("main, h1").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Page, served: Served, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(served.url)
    pairs = [
        ("ink", "paper"),
        ("soft", "paper"),
        ("soft", "ground"),
        ("red", "paper"),
        ("on-accent", "accent"),
    ]
    pairs += [(name, f"{name}-bg") for name in ("red", "major", "minor", "ok", "open")]
    for ink, ground in pairs:
        assert contrast(*(colour(page, name) for name in (ink, ground))) >= 4.5, (ink, ground)


def colour(page: Page, name: str) -> tuple[float, ...]:
    value = page.evaluate(
        "(name) => { const probe = document.createElement('i'); probe.style.color = `var(--${name})`;"
        " document.body.append(probe); return getComputedStyle(probe).color; }",
        name,
    )
    return tuple(int(part) / 255 for part in value.removeprefix("rgb(").removesuffix(")").split(","))


def contrast(ink: tuple[float, ...], ground: tuple[float, ...]) -> float:
    lighter, darker = sorted((luminance(ink), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: tuple[float, ...]) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
