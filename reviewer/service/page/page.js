/* The page at `/`: asks for a review and shows it. Everything shown is text, never HTML. */

import { differences } from "./diff.js";
import { greet } from "./greeting.js";
import { segments } from "./marking.js";
import * as past from "./past.js";

const GATES = {
  pass: ["通过", "没有发现问题。没有发现不等于一定没有。"],
  advise: ["建议修改", "有问题，请看下面。"],
  block: ["拦截，不要发出", "有不可发出的问题，请先改正。"],
  not_assessed: ["没有审完，不等于通过", "有规则没有审到，请重试或人工检查。"],
};
const SEVERITIES = { red: "红线", major: "重要", minor: "轻微" };
const ORIGINS = { grader: "模型判断", check: "确定性检查" };
const RANK = ["red", "major", "minor"];
const ROLES = { 客户: "customer", 坐席: "agent", 客服: "agent" };

const $ = (id) => document.getElementById(id);
const FIELDS = ["draft", "customer", "channel", "stage", "verified", "manual", "history", "agent-id", "facts"];
let running = null; // AbortController of the review under way
let shown = null; // {inputs, id, gate, review} that stand on the page

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.map((child) => (typeof child === "string" ? Presend.visible(child) : child)));
  return made;
}

const circled = (number) => (number <= 20 ? String.fromCodePoint(0x2460 + number - 1) : `(${number})`);

// --- what is asked

function inputs() {
  return Object.fromEntries(FIELDS.map((id) => [id, $(id).value]));
}

function turnsOf(text) {
  const turns = [];
  for (const [at, line] of text.split("\n").entries()) {
    const start = /^\s*(客户|坐席|客服)\s*[:：]\s*(.*)$/.exec(line);
    if (start) turns.push({ role: ROLES[start[1]], text: start[2] });
    else if (turns.length) turns.at(-1).text += `\n${line}`;
    else if (line.trim()) throw new RangeError(`此前的对话第 ${at + 1} 行没有写明是谁说的：请以“客户：”或“坐席：”开头。`);
  }
  return turns.map((turn) => ({ ...turn, text: turn.text.trimEnd() }));
}

function requestOf(given) {
  return {
    draft: given.draft,
    customer: given.customer,
    channel: given.channel,
    stage: given.stage,
    identity_verified: given.verified ? given.verified === "true" : null,
    history: turnsOf(given.history),
    agent_id: given["agent-id"],
    facts: given.facts.split("\n").filter((line) => line.trim()),
    manual: given.manual,
  };
}

async function review() {
  const given = inputs();
  $("problem").textContent = "";
  if (!given.draft.trim()) return refuse("请先填写要发出的回复。", "draft");
  let request;
  try {
    request = requestOf(given);
  } catch (error) {
    $("more").open = true;
    return refuse(error.message, "history");
  }
  running?.abort();
  const mine = (running = new AbortController());
  begin(given);
  try {
    await Presend.stream({ key: $("key").value.trim(), request, signal: mine.signal, on: (name, data) => running === mine && HEAR[name]?.(data, given) });
  } catch (error) {
    if (!mine.signal.aborted) failed(error);
  } finally {
    if (running === mine) {
      running = null;
      $("review").textContent = "审核";
    }
  }
}

function refuse(message, field) {
  $("problem").textContent = message;
  $(field).focus();
}

// --- what is answered

const HEAR = {
  checks: (hits) => {
    if (hits.length) $("early").textContent = `规则检查已指出：${hits.map((hit) => hit.title).join("、")}。其余还在审核。`;
  },
  verdict: (verdict) => {
    shown.id = verdict.request_id;
    shown.gate = verdict.gate;
    showGate(verdict.gate, verdict.score, "改写还没有完成。");
  },
  findings: (findings) => showFindings(shown.inputs.draft, findings),
  rewrite: ({ text }) => {
    $("rewrite-part").hidden = false;
    $("rewrite-status").textContent = "核对中，请先不要复制。";
    $("rewrite").append(Presend.visible(text));
  },
  done: (envelope, given) => {
    shown = { inputs: given, id: envelope.request_id, gate: envelope.gate, review: envelope.review };
    show(shown);
    remember(shown);
  },
};

function begin(given) {
  shown = { inputs: given, id: null, gate: null, review: null };
  $("result").classList.remove("is-stale");
  for (const id of ["stale", "early", "rewrite-status", "copied"]) $(id).textContent = "";
  for (const id of ["marked", "findings", "rewrite", "diff", "tail"]) $(id).replaceChildren();
  for (const id of ["findings-part", "rewrite-part", "diff-part"]) $(id).hidden = true;
  $("copy").disabled = $("use").disabled = true;
  $("marked").textContent = Presend.visible(given.draft);
  $("body").hidden = false;
  $("review").textContent = "重新审核";
  banner("busy", "正在审核…");
}

function failed(error) {
  const known = error instanceof Presend.ServiceError;
  if (known && error.status === 401) {
    $("access").hidden = false;
    $("access").open = true;
    $("key").focus();
  }
  banner("failed", "没有审核，不等于通过", known ? error.message : "连不上服务，请确认 reviewer serve 还在运行。");
  $("rewrite-part").hidden = true;
  $("early").textContent = "";
}

function banner(kind, title, more = "") {
  $("verdict").className = `verdict ${kind}`;
  $("verdict").replaceChildren(title, ...(more ? [element("small", {}, more)] : []));
}

function showGate(gate, score, more = "") {
  // An answer that this page does not know is no pass.
  const [title, meaning] = GATES[gate] ?? GATES.not_assessed;
  banner(gate in GATES ? gate : "not_assessed", `${title}${score === null ? "" : ` · 得分 ${score}`}`, `${meaning}${gate === "pass" ? "" : more}`);
}

function show({ gate, review, id, inputs: given }) {
  const { rewrite } = review;
  showGate(gate, review.score);
  $("early").textContent = "";
  showFindings(review.draft, review.findings, id);
  $("rewrite-part").hidden = !review.findings.length;
  $("rewrite").textContent = Presend.visible(rewrite.text);
  $("rewrite-status").textContent = rewriteStatus(rewrite);
  $("copy").disabled = $("use").disabled = rewrite.status !== "verified";
  $("diff-part").hidden = !rewrite.text;
  if (rewrite.text) showDiff(review.draft, rewrite.text);
  showTail(review);
  checkStale(given);
}

function rewriteStatus(rewrite) {
  const reasons = [
    ...rewrite.findings.map((finding) => `仍违反 ${finding.rule.title}`),
    ...rewrite.changed_facts.map((fact) => `事实有变：${fact}`),
    ...(rewrite.note ? [rewrite.note] : []),
  ].join("；");
  if (rewrite.status === "none") return `没有改写。${reasons}`;
  if (rewrite.status === "unverified") return `未通过核对，请勿直接发送。${reasons}`;
  const blanks = rewrite.placeholders.length ? `发送前请填写：${rewrite.placeholders.join("、")}。` : "";
  return `已核对。${blanks}${reasons}`;
}

function showFindings(draft, findings, id = null) {
  $("marked").replaceChildren(...segments(draft, findings).map(([text, numbers]) =>
    numbers.length ? markOf(text, numbers.map((number) => [number, findings[number - 1]])) : Presend.visible(text)));
  $("findings").replaceChildren(...findings.map((finding, at) => findingOf(finding, at + 1, id)));
  $("findings-part").hidden = !findings.length;
}

function markOf(text, found) {
  const worst = RANK.find((severity) => found.some(([, finding]) => finding.rule.severity === severity));
  const mark = element("mark", { class: worst, tabindex: "0", role: "button" },
    element("sup", {}, found.map(([number]) => circled(number)).join("")), text);
  const says = found.map(([number, { rule, reason }]) => `${circled(number)} ${rule.id} ${rule.title}（${SEVERITIES[rule.severity]}）\n${reason}\n规则：${rule.text}`).join("\n\n");
  for (const name of ["mouseenter", "focus"]) mark.addEventListener(name, () => showTip(mark, says));
  for (const name of ["mouseleave", "blur"]) mark.addEventListener(name, hideTip);
  const open = () => $("findings").children[found[0][0] - 1].focus();
  mark.addEventListener("click", open);
  mark.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && !event.ctrlKey && (event.preventDefault(), open()));
  return mark;
}

function showTip(mark, text) {
  const tip = $("tip"), place = mark.getClientRects()[0];
  tip.textContent = Presend.visible(text);
  tip.hidden = false;
  mark.setAttribute("aria-describedby", tip.id);
  const left = Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 16);
  const above = place.bottom + tip.offsetHeight + 12 > innerHeight && place.top > tip.offsetHeight + 12;
  tip.style.left = `${Math.max(8, left) + scrollX}px`;
  tip.style.top = `${(above ? place.top - tip.offsetHeight - 6 : place.bottom + 6) + scrollY}px`;
}

function hideTip() {
  document.querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
  $("tip").hidden = true;
}

function findingOf({ rule, spans, reason, probability, origin }, number, id) {
  const where = spans.map((span) => `「${span.text}」`).join("、");
  const missing = origin === "check" ? "草稿里没有应有的内容" : "没有指到具体的句子";
  return element("li", { class: rule.severity, tabindex: "-1" },
    element("h4", {}, `${circled(number)} ${rule.title}`, element("span", { class: "badge" }, SEVERITIES[rule.severity])),
    element("p", {}, where || missing),
    element("p", {}, `原因：${reason}`),
    element("blockquote", {}, rule.text, element("cite", {}, `${rule.source.document} · ${rule.source.section}`)),
    element("p", { class: "help" }, `${rule.id}，把握 ${Math.round(probability * 100)}%（${ORIGINS[origin]}）`),
    ...(id ? [feedbackOf(rule, id)] : []));
}

function showTail({ not_assessed: open, not_applicable: idle, assessed, notes, timing_ms: timing }) {
  const lines = [];
  if (open.length) {
    const reasons = Map.groupBy ? Map.groupBy(open, (entry) => entry.why) : new Map([["原因见接口", open]]);
    const told = [...reasons].map(([why, entries]) => `${why}：${entries.map((entry) => entry.rule).join("、")}`).join("；");
    lines.push(element("p", { class: "stale" }, `没有审到 ${open.length} 条规则——${told}`));
  }
  lines.push(...notes.map((note) => element("p", { class: "help" }, `注意：${note}`)));
  const seconds = timing.total === undefined ? "" : `，用时 ${(timing.total / 1000).toFixed(2)} 秒`;
  lines.push(element("p", { class: "help" }, `已审核 ${assessed.length} 条规则，不适用 ${idle.length} 条${seconds}。`));
  $("tail").replaceChildren(...lines);
}

// --- what the agent says of it

function feedbackOf(rule, id) {
  const said = element("span", { role: "status" });
  const reason = element("input", { "aria-label": `不采纳“${rule.title}”的理由`, placeholder: "理由，回车提交", maxlength: "2000" });
  reason.hidden = true;
  const say = async (action) => {
    if (action === "overruled" && !reason.value.trim()) return (reason.hidden = false), reason.focus();
    const changed = shown?.id === id && $("draft").value !== shown.inputs.draft;
    const note = { request_id: id, rule: rule.id, action, reason: action === "overruled" ? reason.value : "", reply: action === "edited" && changed ? $("draft").value : "" };
    // What is under way or has been taken cannot be said again, by Enter in the reason neither.
    if (buttons.find((button) => button.dataset.action === action).disabled) return;
    const open = buttons.filter((button) => !button.disabled);
    for (const button of open) button.disabled = true;
    const [taken, what] = await post("/v1/feedback", note);
    for (const button of open) button.disabled = taken && button.dataset.action === action;
    said.textContent = what;
  };
  reason.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && !event.ctrlKey) say("overruled");
  });
  const buttons = [["accepted", "采纳"], ["edited", "自己改了"], ["overruled", "不采纳"]].map(([action, label]) => {
    const button = element("button", { type: "button", "data-action": action, "aria-label": `${label}：${rule.title}` }, label);
    button.addEventListener("click", () => say(action));
    return button;
  });
  return element("div", { class: "said", role: "group", "aria-label": `对“${rule.title}”的反馈` }, ...buttons, reason, said);
}

async function post(path, body) {
  const key = $("key").value.trim();
  try {
    const headers = { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    return answer.ok ? [true, "已记下，谢谢。"] : [false, Presend.visible((await answer.json()).error.message)];
  } catch {
    return [false, "没有记下：连不上服务。"];
  }
}

// --- the rewrite

function showDiff(before, after) {
  const told = { del: "删去：", ins: "加上：" };
  $("diff").replaceChildren(...differences(before, after).map(([kind, text]) =>
    kind === "same" ? Presend.visible(text) : element(kind, {}, element("span", { class: "sr" }, told[kind]), text)));
}

async function copy() {
  if ($("copy").disabled) return;
  try {
    await navigator.clipboard.writeText(shown.review.rewrite.text);
    $("copied").textContent = "已复制。";
  } catch {
    // Without permission, or not on a secure address: the text is selected for Ctrl+C.
    getSelection().selectAllChildren($("rewrite"));
    $("copied").textContent = "浏览器不让复制；已选中，请按 Ctrl+C。";
  }
}

function use() {
  if ($("use").disabled) return;
  $("draft").value = shown.review.rewrite.text;
  $("draft").focus();
  checkStale(shown.inputs);
}

function checkStale(given) {
  const now = inputs();
  const old = shown?.at ? `这是 ${whenOf(shown)} 的历史结果，不是现在审的。` : "";
  const stale = FIELDS.some((id) => now[id] !== (given[id] ?? ""));
  $("result").classList.toggle("is-stale", stale || old !== "");
  $("stale").textContent = old + (stale ? "输入已经改了，下面是改之前的结果。" : "");
}

// --- what this browser remembers

function remember(entry) {
  if ($("keep").checked && !past.add(entry)) $("problem").textContent = "浏览器存不下历史了，请清除一些。";
  showPast();
}

const whenOf = ({ at }) => new Date(at).toLocaleString("zh-CN", { dateStyle: "short", timeStyle: "short" });

function showPast() {
  const all = past.entries();
  $("forget").disabled = !all.length;
  $("history-list").replaceChildren(...all.map((entry) => {
    const [title] = GATES[entry.gate] ?? GATES.not_assessed;
    const button = element("button", { type: "button" },
      element("span", { class: `gate ${entry.gate}` }, title.split("，")[0]),
      element("span", { class: "what" }, entry.inputs.draft.replaceAll("\n", " ")),
      element("time", { class: "when", datetime: new Date(entry.at).toISOString() }, whenOf(entry)));
    button.addEventListener("click", () => recall(entry));
    return element("li", {}, button);
  }));
}

function recall(entry) {
  running?.abort();
  for (const id of FIELDS) $(id).value = entry.inputs[id] ?? "";
  begin(entry.inputs);
  $("review").textContent = "审核";
  shown = entry;
  show(entry);
  $("result").focus();
}

// --- keys and buttons

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  review();
});
$("form").addEventListener("input", () => shown && checkStale(shown.inputs));
$("clear").addEventListener("click", () => {
  $("draft").form.querySelectorAll("textarea, #agent-id").forEach((field) => (field.value = ""));
  if (shown) checkStale(shown.inputs);
  $("draft").focus();
});
$("copy").addEventListener("click", copy);
$("use").addEventListener("click", use);
$("forget").addEventListener("click", () => {
  past.forget();
  showPast();
  $("keep").focus();
});
$("keep").addEventListener("change", () => past.want($("keep").checked));
$("manual").addEventListener("change", greet);
for (const id of ["key", "keep-key"]) $(id).addEventListener("change", () => (past.keepKey($("key").value.trim(), $("keep-key").checked), greet()));
addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
  if (event.isComposing) return;
  const shortcut = event.altKey && { KeyC: copy, KeyU: use }[event.code];
  const asked = event.key === "Enter" && (event.ctrlKey || event.metaKey) && review;
  if (shortcut || asked) {
    event.preventDefault();
    (shortcut || asked)();
  }
});

[$("key").value, $("keep-key").checked] = past.keptKey();
$("keep").checked = past.wanted();
showPast();
greet();
