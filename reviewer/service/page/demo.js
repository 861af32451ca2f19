/* A chat tool that knows nothing of reviews, and presend.js in front of it. */

import { keptKey } from "./past.js";

const $ = (id) => document.getElementById(id);

// --- the chat tool

function send() {
  const text = $("reply").value;
  if (!text.trim()) return;
  const bubble = document.createElement("li");
  bubble.className = "agent";
  bubble.textContent = text;
  $("log").append(bubble);
  $("reply").value = "";
}

$("send").addEventListener("click", send);
$("reply").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});

// --- the guard

let guard = null;

function attach() {
  guard?.detach();
  guard = Presend.attach({
    box: "#reply",
    send: "#send",
    fail: $("fail").value,
    advise: $("advise").value,
    timeoutMs: $("timeout").valueAsNumber || 1,
    // The page at / keeps it there.
    key: () => keptKey()[0],
    context: () => ({ customer: document.querySelector("#log .customer:last-of-type").textContent, channel: "online", stage: "middle" }),
  });
}

$("settings").addEventListener("change", attach);
$("settings").addEventListener("submit", (event) => event.preventDefault());
attach();
