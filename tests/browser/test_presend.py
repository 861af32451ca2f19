"""``presend.js`` in a real browser: on the demo page, and in front of other people's chat boxes."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Error, Locator, Page, Route, expect

from reviewer.errors import EngineError
from tests.browser.conftest import Serve
from tests.service.fakes import CLEAN, FAMILIAR, RED, REWRITE
from tests.service.listening import Served

pytestmark = pytest.mark.enable_socket

READ_MS = 700
FAILURES = ("error", "late", "open")


@pytest.fixture
def demo(page: Page, served: Served) -> Page:
    page.goto(f"{served.url}/demo")
    return page


def write(page: Page, text: str, *, by: str = "Enter") -> None:
    page.get_by_label("回复客户").fill(text)
    send(page, by=by)


def send(page: Page, *, by: str = "Enter") -> None:
    if by == "click":
        page.get_by_role("button", name="发送").click()
    else:
        page.get_by_label("回复客户").press(by)


def sent(page: Page) -> Locator:
    return page.locator("#log .agent")


def state(page: Page, name: str) -> Locator:
    """Wait until the guard is in the state ``name``; return what it says."""
    host = page.locator("[data-presend]")
    expect(host).to_have_attribute("data-presend", name)
    return host


@pytest.mark.parametrize("by", ["Enter", "click"])
def test_what_passes_is_sent_once(demo: Page, by: str) -> None:
    write(demo, CLEAN, by=by)
    expect(sent(demo)).to_have_text([CLEAN])
    expect(demo.get_by_label("回复客户")).to_have_value("")


@pytest.mark.parametrize("by", ["Enter", "click"])
def test_what_is_blocked_is_not_sent_until_it_is_mended(demo: Page, by: str) -> None:
    for _ in range(2):
        write(demo, RED, by=by)
        expect(state(demo, "blocked")).to_contain_text("个人账户")
    assert sent(demo).count() == 0
    demo.get_by_role("button", name="换成建议回复").click()
    expect(demo.get_by_label("回复客户")).to_have_value(REWRITE)
    send(demo, by=by)
    expect(sent(demo)).to_have_text([REWRITE])


def test_nothing_is_sent_before_the_verdict(demo: Page, served: Served) -> None:
    served.reviewer.gate.clear()
    write(demo, CLEAN)
    state(demo, "checking")
    assert served.reviewer.started.wait(10)
    for by in ("Enter", "click"):
        send(demo, by=by)
    assert sent(demo).count() == 0
    served.reviewer.gate.set()
    expect(sent(demo)).to_have_text([CLEAN])
    assert len(served.reviewer.requests) == 1


def test_advice_is_shown_and_the_second_attempt_sends(demo: Page, served: Served) -> None:
    write(demo, FAMILIAR)
    expect(state(demo, "advised")).to_contain_text("再发一次就照原文发出")
    assert sent(demo).count() == 0
    demo.wait_for_timeout(READ_MS)
    send(demo)
    expect(sent(demo)).to_have_text([FAMILIAR])
    assert len(served.reviewer.requests) == 1


def test_advice_is_not_confirmed_before_anybody_can_have_read_it(demo: Page) -> None:
    demo.evaluate(
        "new MutationObserver(([change]) => change.target.dataset.presend === 'advised' &&"
        " document.querySelector('#send').click())"
        ".observe(document.body, {subtree: true, attributes: true, attributeFilter: ['data-presend']})"
    )
    demo.get_by_label("回复客户").fill(FAMILIAR)
    demo.keyboard.down("Enter")
    state(demo, "advised")
    demo.wait_for_timeout(READ_MS)
    # Down again without up in between is how a held key repeats.
    demo.keyboard.down("Enter")
    assert sent(demo).count() == 0
    demo.keyboard.up("Enter")
    send(demo)
    expect(sent(demo)).to_have_text([FAMILIAR])


@pytest.mark.parametrize("change", ["text", "context"])
def test_advice_holds_for_one_text_in_one_conversation(demo: Page, served: Served, change: str) -> None:
    write(demo, FAMILIAR)
    state(demo, "advised")
    demo.wait_for_timeout(READ_MS)
    if change == "text":
        box = demo.get_by_label("回复客户")
        box.press("x")
        box.press("Backspace")
    else:
        demo.evaluate("document.querySelector('#log .customer').textContent = '在吗'")
    with demo.expect_response("**/v1/review/stream"):
        send(demo)
    state(demo, "advised")
    assert sent(demo).count() == 0


def test_advice_on_one_text_does_not_let_another_one_through(demo: Page) -> None:
    write(demo, FAMILIAR)
    state(demo, "advised")
    write(demo, RED)
    state(demo, "blocked")
    assert sent(demo).count() == 0


def test_advice_may_be_shown_beside_a_message_that_is_sent(demo: Page) -> None:
    demo.get_by_label("有建议时").select_option("照发，只提示")
    write(demo, FAMILIAR)
    expect(sent(demo)).to_have_text([FAMILIAR])
    expect(state(demo, "sent")).to_contain_text("敬语称谓")


def fail(served: Served, page: Page, how: str) -> None:
    if how == "error":
        served.reviewer.fault = EngineError("引擎坏了。")
    elif how == "late":
        served.reviewer.gate.clear()
        page.get_by_label("最多等几毫秒").fill("200")
        page.get_by_label("最多等几毫秒").blur()
    else:
        served.reviewer.out_of_time = True


@pytest.mark.parametrize("how", FAILURES)
def test_fail_open_sends_what_could_not_be_reviewed_and_says_so(demo: Page, served: Served, how: str) -> None:
    fail(served, demo, how)
    write(demo, CLEAN)
    expect(sent(demo)).to_have_text([CLEAN])
    expect(state(demo, "sent-unreviewed")).to_contain_text("已按设置照原文发出。")


@pytest.mark.parametrize("how", FAILURES)
def test_fail_closed_holds_what_could_not_be_reviewed(demo: Page, served: Served, how: str) -> None:
    demo.get_by_label("没有审成时").select_option("不发出（fail-closed）")
    fail(served, demo, how)
    write(demo, CLEAN)
    expect(state(demo, "held")).to_contain_text("没有发出")
    assert sent(demo).count() == 0


def test_a_service_that_is_gone_is_a_failure(demo: Page) -> None:
    demo.route("**/v1/review/stream", lambda route: route.abort())
    write(demo, CLEAN)
    expect(state(demo, "sent-unreviewed")).to_contain_text("审核服务没有回应。")


def test_a_verdict_that_does_not_come_in_time_is_told_as_that(demo: Page, served: Served) -> None:
    fail(served, demo, "late")
    with demo.expect_event("requestfailed"):
        write(demo, CLEAN)
    expect(state(demo, "sent-unreviewed")).to_contain_text("审核超时。")


def test_what_cannot_be_reviewed_is_not_put_off_till_later(demo: Page) -> None:
    demo.get_by_label("没有审成时").select_option("不发出（fail-closed）")
    write(demo, "👍")
    expect(state(demo, "held")).to_contain_text("只有符号或表情")
    expect(state(demo, "held")).to_contain_text("请改了再发")
    demo.evaluate("Presend.attach({box: '#reply', send: '#send', fail: 'closed', wordless: 'send'})")
    write(demo, "👍")
    expect(sent(demo)).to_have_text(["👍"])
    write(demo, RED)
    state(demo, "blocked")


def test_a_second_guard_takes_the_place_of_the_first(demo: Page, served: Served) -> None:
    demo.evaluate("Presend.attach({box: 'textarea', send: '#send', enter: 'enter'})")
    assert demo.locator("[data-presend]").count() == 0
    write(demo, CLEAN)
    expect(sent(demo)).to_have_text([CLEAN])
    state(demo, "sent")
    assert len(served.reviewer.requests) == 1


def test_a_page_that_throws_does_not_jam_the_guard(demo: Page) -> None:
    demo.evaluate("Presend.attach({box: '#reply', send: '#send', onState() { throw new Error('no'); }})")
    write(demo, RED)
    state(demo, "blocked")
    write(demo, CLEAN)
    expect(sent(demo)).to_have_text([CLEAN])


@pytest.mark.parametrize("how", ["resend", "detach"])
def test_a_review_that_is_not_wanted_any_more_is_broken_off(page: Page, serve: Serve, how: str) -> None:
    proceed = threading.Event()
    # With time enough nobody but the guard ends the stream.
    with serve(serve_deadline_ms=60_000) as served:
        served.reviewer.between_pieces = lambda: assert_set(proceed)
        page.goto(f"{served.url}/demo")
        page.evaluate("window.guard = Presend.attach({box: '#reply', send: '#send', timeoutMs: 60000})")
        write(page, FAMILIAR)
        state(page, "advised")
        with page.expect_event("requestfailed"):
            if how == "resend":
                write(page, CLEAN)
            else:
                page.evaluate("guard.detach()")
        proceed.set()


def assert_set(event: threading.Event) -> None:
    assert event.wait(40)


def test_a_button_that_is_gone_when_the_verdict_comes(demo: Page, served: Served) -> None:
    served.reviewer.gate.clear()
    write(demo, CLEAN, by="click")
    state(demo, "checking")
    demo.evaluate("window.button = document.querySelector('#send'); button.remove()")
    served.reviewer.gate.set()
    expect(state(demo, "held")).to_contain_text("发送按钮不见了")
    assert sent(demo).count() == 0
    demo.evaluate("document.querySelector('.actions').append(button)")
    write(demo, CLEAN, by="click")
    expect(sent(demo)).to_have_text([CLEAN])


def test_a_text_that_changed_during_the_review_is_not_sent(demo: Page, served: Served) -> None:
    served.reviewer.gate.clear()
    write(demo, CLEAN)
    state(demo, "checking")
    demo.get_by_label("回复客户").fill(RED)
    served.reviewer.gate.set()
    expect(state(demo, "held")).to_contain_text("内容在审核时改了")
    assert sent(demo).count() == 0


def test_line_breaks_and_empty_messages_are_left_to_the_chat_tool(demo: Page, served: Served) -> None:
    box = demo.get_by_label("回复客户")
    box.fill("您好")
    box.press("Shift+Enter")
    expect(box).to_have_value("您好\n")
    write(demo, "  ")
    assert served.reviewer.requests == []


# --- other people's chat boxes, on pages of another origin

HOST = "http://localhost:{port}/chat"
FORM = """<form id=f><input id=reply><button>发送</button></form><script>
  window.out = [];
  f.addEventListener("submit", (event) => { event.preventDefault(); out.push(reply.value); });
</script>"""
EDITABLE = """<div id=reply contenteditable style="min-height:2em"></div><script>
  window.out = [];
  const send = (event) => { if (event.key === "Enter") out.push(reply.innerText.trim()); };
  reply.addEventListener("keyup", send);
</script>"""
CAPTURING = """<textarea id=reply></textarea><script>
  window.out = [];
  const send = (event) => { if (event.key === "Enter") out.push(reply.value); };
  document.addEventListener("keydown", send, true);
</script>"""


OpenPage = Callable[..., Page]


@pytest.fixture
def foreign(page: Page, serve: Serve) -> Iterator[OpenPage]:
    """Return what opens a page of another origin that loads presend.js from the service."""
    with serve() as first:
        port = first.port
    origin = f"http://localhost:{port}"
    # Chromium asks before a page of another network may reach this machine; older ones do not know it.
    with contextlib.suppress(Error):
        page.context.grant_permissions(["local-network-access"])
    with serve(serve_cors=(origin,)) as served:

        def open_page(body: str, attributes: str = "", *, box: str = "#reply") -> Page:
            script = (
                f'<script src="{served.url}/presend.js" crossorigin data-box="{box}" {attributes}></script>'
            )
            html = f"<!doctype html><meta charset=utf-8>{body}{script}"

            def answer(route: Route) -> None:
                route.fulfill(body=html, content_type="text/html")

            page.route(HOST.format(port=port), answer)
            page.goto(HOST.format(port=port))
            return page

        yield open_page


@pytest.mark.parametrize("body", [FORM, EDITABLE, CAPTURING])
def test_any_text_box_is_held(foreign: OpenPage, body: str) -> None:
    page = foreign(body)
    box = page.locator("#reply")
    box.fill(RED)
    box.press("Enter")
    state(page, "blocked")
    assert page.evaluate("out") == []
    box.fill(CLEAN)
    box.press("Enter")
    page.wait_for_function("out.length")
    assert page.evaluate("out") == [CLEAN]


def test_the_button_of_a_form_is_held_too(foreign: OpenPage) -> None:
    page = foreign(FORM)
    page.locator("#reply").fill(RED)
    page.get_by_role("button", name="发送").click()
    state(page, "blocked")
    page.locator("#reply").fill(CLEAN)
    page.get_by_role("button", name="发送").click()
    page.wait_for_function("out.length")
    assert page.evaluate("out") == [CLEAN]


TWO = """<div><textarea id=a></textarea><button>发送</button></div>
<div><textarea id=b></textarea><button>发送</button></div><script>
  window.out = [];
  for (const button of document.querySelectorAll("button"))
    button.addEventListener("click", () => out.push(button.closest("div").querySelector("textarea").value));
</script>"""


@pytest.mark.parametrize("by", ["click", "Enter"])
def test_of_two_boxes_the_one_that_is_sent_is_reviewed(foreign: OpenPage, by: str) -> None:
    page = foreign(TWO, 'data-send="button"', box="textarea")

    def send_from(name: str) -> None:
        if by == "click":
            page.locator(f"#{name} + button, #{name} + div + button").click()
        else:
            page.locator(f"#{name}").press("Enter")

    page.locator("#a").fill(CLEAN)
    page.locator("#b").fill(RED)
    send_from("b")
    state(page, "blocked")
    assert page.evaluate("out") == []
    page.locator("#b").fill("")
    send_from("a")
    page.wait_for_function("out.length")
    assert page.evaluate("out") == [CLEAN]


def test_a_button_between_two_boxes_is_held_where_nothing_may_go_unreviewed(foreign: OpenPage) -> None:
    body = "<textarea></textarea><textarea></textarea><button onclick='out.push(1)'>发送</button>"
    page = foreign(
        f"{body}<script>window.out = [];</script>", 'data-send="button" data-fail="closed"', box="textarea"
    )
    page.get_by_role("button", name="发送").click()
    expect(state(page, "held")).to_contain_text("分不清是哪个文本框（有 2 个）")
    assert page.evaluate("out") == []


REDRAWN = """<div id=tool></div><script>
  window.out = [];
  function draw(text) {
    const button = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const box = document.createElement("textarea");
    button.id = "send"; box.id = "reply"; box.value = text;
    button.addEventListener("click", () => { out.push(box.value); draw(""); });
    tool.replaceChildren(box, button);
  }
  draw("");
  new MutationObserver(() => document.querySelector("[data-presend=checking]") && draw(reply.value))
    .observe(tool, { childList: true });
</script>"""


def test_box_and_button_may_be_drawn_anew_during_the_review(foreign: OpenPage) -> None:
    page = foreign(REDRAWN, 'data-send="#send"')
    page.locator("#reply").fill(CLEAN)
    page.locator("#send").click()
    page.wait_for_function("out.length")
    assert page.evaluate("out") == [CLEAN]
    state(page, "sent")


LATE = """<form id=f><textarea id=reply></textarea><button type=button id=send>发送</button></form><script>
  window.out = [];
  send.addEventListener("click", () => setTimeout(() => f.requestSubmit(), 50));
  f.addEventListener("submit", (event) => { event.preventDefault(); out.push(reply.value); });
</script>"""


def test_a_tool_may_submit_a_tick_after_the_click(foreign: OpenPage) -> None:
    page = foreign(LATE, 'data-send="#send"')
    page.locator("#reply").fill(FAMILIAR)
    page.locator("#send").click()
    state(page, "advised")
    page.wait_for_timeout(READ_MS)
    page.locator("#send").click()
    page.wait_for_function("out.length")
    page.evaluate("f.requestSubmit()")
    state(page, "checking")
    assert page.evaluate("out") == [FAMILIAR]


def test_ctrl_enter_may_be_what_sends(foreign: OpenPage) -> None:
    page = foreign(CAPTURING, 'data-enter="ctrl-enter" data-fail="closed"')
    page.locator("#reply").fill(RED)
    page.locator("#reply").press("Control+Enter")
    state(page, "blocked")
    assert page.evaluate("out") == []
    page.locator("#reply").press("Enter")
    assert page.evaluate("out") == [f"{RED}"]


def test_a_box_that_is_not_there_holds_what_must_not_go_unreviewed(foreign: OpenPage) -> None:
    body = "<button id=send onclick='out.push(1)'>发送</button><script>window.out = [];</script>"
    page = foreign(body, 'data-send="#send" data-fail="closed"')
    page.locator("#send").click()
    expect(state(page, "held")).to_contain_text("找不到文本框 #reply")
    assert page.evaluate("out") == []


@pytest.mark.parametrize(
    "settings",
    [
        "{}",
        "{box: '#a', fail: 'maybe'}",
        "{box: '#a', timeoutMs: 0}",
        "{box: '#a', enter: 'tab'}",
        "{box: '#a['}",
        "{box: '#a', send: '#b['}",
        "{box: '#a', panel: '::'}",
        "{box: '#a', wordless: 'no'}",
    ],
)
def test_unusable_settings_are_refused_at_once(demo: Page, settings: str) -> None:
    caught = demo.evaluate(
        f"(() => {{ try {{ Presend.attach({settings}); }} catch (error) {{ return error.name; }} }})()"
    )
    assert caught == "RangeError"


def test_a_context_that_fails_is_a_failed_review(demo: Page) -> None:
    demo.evaluate("document.querySelector('#log .customer').remove()")
    write(demo, CLEAN)
    expect(sent(demo)).to_have_text([CLEAN])
    state(demo, "sent-unreviewed")
