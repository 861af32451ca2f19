/* What the service says of itself when the page opens: whether it is ready, its manuals and their rules. */

const BUSY = 503;
const PATIENCE_S = 5;
let again = 0; // timer of the next try while the models load

const $ = (id) => document.getElementById(id);

/** Ask, and show it at the top, until the models are loaded; a missing key opens its field. */
export async function greet() {
  try {
    const headers = $("key").value ? { Authorization: `Bearer ${$("key").value.trim()}` } : {};
    const address = `/v1/rules?manual=${encodeURIComponent($("manual").value)}`;
    const [ready, rules] = await Promise.all([fetch("/readyz"), fetch(address, { headers })]);
    if (ready.ok) offer((await ready.json()).manuals);
    if (ready.status === BUSY) {
      clearTimeout(again);
      again = setTimeout(greet, 1000 * (ready.headers.get("Retry-After") ?? PATIENCE_S));
    }
    $("access").hidden = rules.status !== 401 && !$("key").value;
    $("access").open = rules.status === 401;
    const state = ready.ok ? "服务就绪" : "模型正在载入";
    const manual = rules.ok ? `，手册 ${(await rules.json()).rules.filter((rule) => !rule.disabled).length} 条规则` : rules.status === 401 ? "，需要密钥" : "";
    $("service").textContent = `${state}${manual}。`;
  } catch {
    $("service").textContent = "连不上服务。";
  }
}

/** Let the manual be chosen where there is more than one. */
function offer(manuals) {
  const chosen = $("manual").value;
  const options = manuals.map(({ name }) => new Option(Presend.visible(name), name));
  $("manual").replaceChildren($("manual").options[0], ...options);
  $("manual").value = manuals.some(({ name }) => name === chosen) ? chosen : "";
  $("manual-part").hidden = manuals.length < 2;
}
