/* Holds what an agent is about to send until reviewer has looked at it.
 *
 *   <script src="http://127.0.0.1:8765/presend.js" crossorigin
 *           data-box="#reply" data-send="#send" data-fail="open"></script>
 *
 * or Presend.attach({box: "#reply", send: "#send", …}); see docs/service.md for all settings.
 * Nothing that comes from the service is ever parsed as HTML.
 */
"use strict";
(() => {
  const DEFAULTS = {
    box: "", // selector of the text box: textarea, input or contenteditable
    send: "", // selector of the send button; "" if there is none
    service: "", // where reviewer serve is; "" is where this script came from
    key: "", // API key, or a function that gives it
    fail: "open", // no verdict (error, timeout, not_assessed): "open" sends all the same, "closed" does not
    wordless: "review", // emoji and signs alone, which cannot be reviewed: "review" counts as no verdict, "send" sends
    advise: "confirm", // advice: "confirm" sends when asked a second time, "send" sends at once
    enter: "enter", // what sends: "enter", "ctrl-enter" or "none"
    timeoutMs: 6000, // until the verdict, in milliseconds
    panel: "", // selector of what the messages stand in; "" puts them behind the box
    context: () => ({}), // the other fields of a review: customer, history, channel, stage, conversation_id
    onState: () => {}, // told of {state, gate, message}
  };
  const script = document.currentScript;
  const home = script ? new URL(script.src).origin : "";
  const READ_MS = 600; // nobody has read advice sooner: a second press before that is the end of a double click
  const LATE_MS = 1000; // within this a tool may submit what it was given
  const UNFIT = [400, 413, 422]; // the message itself cannot be reviewed: to wait does not help
  // Shared by copies of this script.
  const guards = (window[Symbol.for("reviewer.presend")] ??= new Set());

  class ServiceError extends Error {
    constructor(message, status) {
      super(message), (this.status = status);
    }
  }

  /** Ask for a review; `on(name, data)` hears every event. Resolves when the stream has ended well. */
  async function stream({ service = "", key = "", request, signal, on }) {
    const headers = { "Content-Type": "application/json" };
    if (key) headers.Authorization = `Bearer ${key}`;
    const answer = await fetch(`${service}/v1/review/stream`, {
      method: "POST", headers, body: JSON.stringify(request), signal, credentials: "omit",
    });
    if (!answer.ok) throw new ServiceError(await refusal(answer), answer.status);
    let ended = false;
    for await (const [name, data] of events(answer.body.getReader())) {
      if (name === "error") throw new ServiceError(data.error.message, 200);
      ended ||= name === "done";
      on(name, data);
    }
    if (!ended) throw new ServiceError("连接中断，没有收到完整的结果。", 200);
  }

  const refusal = (answer) => answer.json().then((body) => body.error.message).catch(() => `服务答复 ${answer.status}。`);

  async function* events(reader) {
    const decoder = new TextDecoder();
    let buffer = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffer += decoder.decode(value, { stream: true });
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        const fields = buffer.slice(0, end).split("\n").map((line) => /^(event|data): ?(.*)$/.exec(line));
        buffer = buffer.slice(end + 2);
        const named = Object.fromEntries(fields.filter(Boolean).map(([, name, value]) => [name, value]));
        if (named.data) yield [named.event, JSON.parse(named.data)];
      }
    }
  }

  /** Spell out controls and invisible characters: text must not look other than it is. */
  function visible(text) {
    return text.replace(/\r\n/g, "\n").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
      /[\n\t\u200d]/.test(char) ? char : `<U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}>`);
  }

  class Guard {
    constructor(settings) {
      this.settings = { ...DEFAULTS, ...settings };
      this.service = this.settings.service || home;
      this.checking = null; // the text that is being reviewed
      this.asking = null; // AbortController of the review whose rewrite may still come
      this.advised = null; // {situation, at}: what was advised on, and when; the next attempt sends it
      this.released = null; // {text, at}: what was let through, and when
      this.releasing = false;
      this.stop = new AbortController();
      this.panel = new Panel(this.settings.panel);
      const options = { capture: true, signal: this.stop.signal };
      // On the window: nothing in the page can hear an event before this does.
      addEventListener("click", (event) => this.clicked(event), options);
      for (const name of ["keydown", "keypress", "keyup"]) addEventListener(name, (event) => this.pressed(event), options);
      addEventListener("submit", (event) => this.submitted(event), options);
      addEventListener("input", (event) => inPath(event, this.settings.box) && (this.advised = this.released = null), options);
    }

    detach() {
      guards.delete(this);
      this.stop.abort();
      this.asking?.abort();
      this.panel.host.remove();
    }

    clicked(event) {
      const button = inPath(event, this.settings.send);
      if (button) this.hold(event, nearest(button, this.settings.box), (box) => press(button.isConnected ? button : this.buttonOf(box)));
    }

    pressed(event) {
      const box = inPath(event, this.settings.box);
      if (!box || event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
      const wanted = { enter: !event.shiftKey && !event.altKey, "ctrl-enter": event.ctrlKey || event.metaKey, none: false };
      if (!wanted[this.settings.enter]) return;
      // A tool may send on any of the three; a key that is held down is pressed once.
      if (event.type === "keydown" && !event.repeat) this.hold(event, [box], (now) => this.send(now, event));
      else if (!this.releasing && this.reviewable(textOf(box))) stopped(event);
    }

    submitted(event) {
      const form = event.target;
      const boxes = all(this.settings.box).filter((box) => form.contains(box) || box.form === form);
      const again = (box) => submit(form.isConnected ? form : box.closest("form"), event.submitter);
      if (boxes.length) this.hold(event, boxes, again);
    }

    /** Return what the box stands as now: a tool may have drawn it anew. */
    current(box) {
      return box.isConnected ? box : only(all(this.settings.box));
    }

    /** Return the send button of `box` and of no other box. */
    buttonOf(box) {
      const { send, box: boxes } = this.settings;
      return only(nearest(box, send).filter((button) => only(nearest(button, boxes)) === box));
    }

    send(box, key) {
      const button = this.buttonOf(box), form = box.closest("form");
      if (button) return press(button);
      if (form) return submit(form);
      const { key: name, code, ctrlKey, metaKey } = key;
      for (const type of ["keydown", "keypress", "keyup"])
        box.dispatchEvent(new KeyboardEvent(type, { key: name, code, keyCode: 13, ctrlKey, metaKey, bubbles: true, cancelable: true, composed: true }));
    }

    /** Return whether there is something in `text` that is to be reviewed. */
    reviewable(text) {
      return this.settings.wordless === "send" ? /[\p{L}\p{N}]/u.test(text) : Boolean(text.trim());
    }

    /** Stop `event`, and `release` it again when the text of the one box in `boxes` may go. */
    hold(event, boxes, release) {
      if (this.releasing) return;
      const box = only(boxes);
      if (!box) return this.lost(event, boxes.length);
      const text = textOf(box);
      if (!this.reviewable(text) || this.follows(event, text)) return;
      stopped(event);
      if (this.checking !== null) return;
      const { situation, at } = this.advised ?? {};
      if (situation === undefined || situation !== this.situation(text)) this.check(box, text, release);
      else if (performance.now() - at >= READ_MS) this.release(box, text, release);
    }

    /** Return whether the tool itself, a tick late, passes on what has just been released; once. */
    follows(event, text) {
      if (event.isTrusted && event.type !== "submit") return false;
      const late = this.released;
      this.released = null;
      return late?.text === text && performance.now() - late.at < LATE_MS;
    }

    /** Return a name for what a verdict is about, undefined when the page cannot say. */
    situation(text) {
      let name;
      attempt(() => (name = JSON.stringify([text, this.settings.context()])));
      return name;
    }

    /** The page is not what the settings say: there is no box, or several that may be meant. */
    lost(event, count) {
      const open = this.settings.fail === "open";
      if (!open) stopped(event);
      this.tell(null, open ? "sent-unreviewed" : "held", `presend ${count ? `分不清是哪个文本框（有 ${count} 个）` : "找不到文本框"} ${this.settings.box}；请检查设置。`);
    }

    async check(box, text, release) {
      this.checking = text;
      this.advised = this.released = null;
      const situation = this.situation(text);
      this.tell(box, "checking", "正在审核，请稍候…");
      let outcome;
      try {
        outcome = await this.verdict(box, text);
      } catch (error) {
        const known = error instanceof ServiceError;
        outcome = { gate: "failed", findings: [], message: known ? error.message : "审核服务没有回应。", unfit: known && UNFIT.includes(error.status) };
      } finally {
        this.checking = null;
      }
      if (this.stop.signal.aborted) return;
      const now = this.current(box);
      if (!now) return this.tell(null, "held", "审核时文本框不见了，没有发出；请再发一次。");
      if (textOf(now) !== text) return this.tell(now, "held", "内容在审核时改了，没有发出；请再发一次。");
      this.decide(now, text, situation, release, outcome);
    }

    /** Resolve with gate and findings as soon as they stand; a rewrite is shown when it comes. */
    verdict(box, text) {
      this.asking?.abort();
      const abort = (this.asking = new AbortController());
      return new Promise((resolve, reject) => {
        const { timeoutMs, key, context } = this.settings;
        const timer = setTimeout(() => abort.abort(new ServiceError("审核超时。")), timeoutMs);
        let gate = null;
        const on = (name, data) => {
          if (name === "verdict") gate = data.gate;
          else if (name === "findings") clearTimeout(timer), resolve({ gate, findings: data });
          else if (name === "done") this.offer(box, text, data.review.rewrite);
        };
        // A context or key that throws is a failed review, not a lost message.
        const ask = async () => stream({
          service: this.service,
          key: typeof key === "function" ? key() : key,
          request: { ...context(), draft: text }, signal: abort.signal, on,
        });
        ask().then(() => reject(new ServiceError("没有收到结论。")), reject).finally(() => clearTimeout(timer));
      });
    }

    decide(box, text, situation, release, { gate, findings, message, unfit }) {
      const { fail, advise } = this.settings;
      const tell = (state, what) => this.tell(box, state, what, gate, findings);
      const send = (state, what) => this.release(box, text, release) && tell(state, what);
      if (gate === "pass") send("sent", "");
      else if (gate === "block") tell("blocked", "没有发出：请先改正。");
      else if (gate === "advise" && advise === "send") send("sent", "已发出，有建议：");
      else if (gate === "advise") {
        if (tell("advised", "还没有发出：建议修改；再发一次就照原文发出。")) this.advised = { situation, at: performance.now() };
      } else {
        const why = message ?? "没有审完，不等于通过。";
        if (fail === "open") send("sent-unreviewed", `${why}已按设置照原文发出。`);
        else tell("held", `${why}没有发出，${unfit ? "这条内容不能审核，请改了再发。" : "请稍后再试。"}`);
      }
    }

    /** Let the text of `box` go; return whether something took it. */
    release(box, text, release) {
      this.advised = null;
      this.releasing = true;
      const gone = attempt(() => release(box));
      this.releasing = false;
      if (gone) this.released = { text, at: performance.now() };
      else this.tell(box, "held", "没有发出：发送按钮不见了或不能按；请再发一次。");
      return gone;
    }

    offer(box, text, rewrite) {
      const now = this.current(box);
      if (rewrite.status === "verified" && now && textOf(now) === text) this.panel.offer(rewrite, () => put(now, rewrite.text));
    }

    /** Show and report a state; return whether the agent can see it. A page that throws must not jam the guard. */
    tell(box, state, message, gate = null, findings = []) {
      const shown = attempt(() => this.panel.show(box && this.current(box), state, message, findings));
      attempt(() => this.settings.onState({ state, gate, message }));
      return shown;
    }
  }

  /** What the agent reads; a shadow tree, so that neither page nor panel styles the other. */
  class Panel {
    constructor(place) {
      this.place = place;
      this.host = document.createElement("div");
      this.host.dataset.presend = "";
      const root = this.host.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      // `all: initial` forgets the language of the page, and with it which glyphs to use.
      this.live = element("div", { role: "status", "aria-live": "polite", lang: "zh-CN" });
      root.append(this.live);
    }

    show(box, state, message, findings) {
      const host = this.place && document.querySelector(this.place);
      if (host) host.append(this.host);
      else if (!box) document.body.prepend(this.host);
      else if (box.nextElementSibling !== this.host) box.after(this.host);
      this.host.dataset.presend = state;
      this.live.className = state;
      this.live.replaceChildren();
      if (message) this.live.append(element("strong", {}, message));
      const list = element("ul");
      for (const { rule, spans, reason } of findings) {
        const where = spans.map((span) => `「${span.text}」`).join("、");
        list.append(element("li", {}, `${rule.title}：${where}${where ? "，" : ""}${reason}（${rule.source.document}）`));
      }
      if (findings.length) this.live.append(list);
    }

    offer({ text, placeholders }, use) {
      const button = element("button", { type: "button" }, "换成建议回复");
      button.addEventListener("click", use);
      this.live.append(element("p", {}, `建议回复：${text}${placeholders.length ? `（发送前请填写 ${placeholders.join("、")}）` : ""}`), button);
    }
  }

  const STYLE = `
    :host { all: initial; display: block; color-scheme: light dark; }
    div { font: 14px/1.6 system-ui, sans-serif; border-left: 4px solid; padding: .3em .8em; margin: .4em 0; white-space: pre-wrap; overflow-wrap: anywhere;
      color: light-dark(#5a3d00, #f5c26b); background: light-dark(#fff3dd, #352812); }
    div:empty { display: none; }
    .checking { color: light-dark(#444c56, #b9c0ca); background: light-dark(#eef0f3, #262a31); }
    .blocked { color: light-dark(#8c1d18, #ff9b94); background: light-dark(#fdeceb, #3b1d1c); }
    .held, .sent-unreviewed { color: light-dark(#57308a, #cfaef5); background: light-dark(#f3ebfb, #2b2038); border-left-style: dashed; }
    ul { margin: .2em 0; padding-left: 1.4em; white-space: normal; } p { margin: .3em 0; }
    button { font: inherit; min-height: 2.2em; }`;

  function element(name, attributes = {}, text = "") {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = visible(text);
    return made;
  }

  function attempt(work) {
    try {
      return work(), true;
    } catch (error) {
      return console.error("presend:", error), false;
    }
  }

  const inPath = (event, selector) => selector && event.composedPath().find((node) => node instanceof Element && node.matches(selector));
  const textOf = (box) => ("value" in box ? box.value : box.innerText);
  const all = (selector, root = document) => (selector ? [...root.querySelectorAll(selector)] : []);
  const only = (found) => (found.length === 1 ? found[0] : null);

  /** Return what matches `selector` in the smallest part of the page around `node` where anything does. */
  function nearest(node, selector) {
    for (let part = node; part; part = part.parentNode ?? part.host) {
      const found = part.querySelectorAll ? all(selector, part) : [];
      if (found.length) return found;
    }
    return [];
  }

  function press(button) {
    if (!button || button.disabled) throw new Error("no button to press");
    if (button.click) button.click();
    else button.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, composed: true, view: window }));
  }

  function submit(form, submitter) {
    if (!form) throw new Error("no form to submit");
    form.requestSubmit(submitter?.form === form ? submitter : null);
  }

  function stopped(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function put(box, text) {
    if ("value" in box) {
      // The native setter: frameworks that watch the property notice only the event.
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(box), "value").set.call(box, text);
    } else box.textContent = text;
    box.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
    box.focus();
  }

  const ALLOWED = { fail: ["open", "closed"], wordless: ["review", "send"], advise: ["confirm", "send"], enter: ["enter", "ctrl-enter", "none"] };

  /** Guard a box. Settings that cannot work are refused at once: found later, they would let a message through. */
  function attach(settings) {
    for (const [name, allowed] of Object.entries(ALLOWED))
      if (name in settings && !allowed.includes(settings[name])) throw new RangeError(`presend: ${name} 应是 ${allowed.join("、")} 之一`);
    if (!settings.box) throw new RangeError("presend: 缺少 box（文本框的选择器）");
    for (const name of ["box", "send", "panel"].filter((name) => settings[name]))
      if (!attempt(() => all(settings[name]))) throw new RangeError(`presend: ${name} 不是合法的选择器：${settings[name]}`);
    if ("timeoutMs" in settings && !(settings.timeoutMs > 0)) throw new RangeError("presend: timeoutMs 应是正的毫秒数");
    const boxes = all(settings.box);
    const same = (guard) => guard.settings.box === settings.box || all(guard.settings.box).some((box) => boxes.includes(box));
    for (const earlier of [...guards].filter(same)) earlier.detach();
    const guard = new Guard(settings);
    guards.add(guard);
    return guard;
  }

  window.Presend = Object.freeze({ attach, stream, visible, ServiceError });
  if (script?.dataset.box) {
    const { timeoutMs, ...rest } = script.dataset;
    attach(timeoutMs === undefined ? rest : { ...rest, timeoutMs: Number(timeoutMs) });
  }
})();
