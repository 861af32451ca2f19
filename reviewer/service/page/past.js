/* What this browser remembers: earlier reviews, and the key. Where it may not, nothing. */

const PAST = "reviewer.past", KEEP = "reviewer.keep", KEY = "reviewer.key";
const MOST = 30;

/** Return the entries, newest first. */
export function entries() {
  const past = stored(PAST, []);
  return Array.isArray(past) ? past.filter((entry) => entry?.inputs && entry.review) : [];
}

/** Put `entry` first; return whether there was room. */
export function add(entry) {
  return store(PAST, [{ ...entry, at: Date.now() }, ...entries()].slice(0, MOST));
}

export function forget() {
  tried(() => localStorage.removeItem(PAST));
}

/** Return the key, and whether it is kept when the page is closed. */
export function keptKey() {
  const kept = tried(() => localStorage.getItem(KEY));
  return [tried(() => sessionStorage.getItem(KEY)) ?? kept ?? "", typeof kept === "string"];
}

/** Remember `key`: until the page is closed, or longer if `kept`. */
export function keepKey(key, kept) {
  tried(() => sessionStorage.setItem(KEY, key));
  tried(() => (kept && key ? localStorage.setItem(KEY, key) : localStorage.removeItem(KEY)));
}

/** Return whether entries are to be kept. */
export function wanted() {
  return stored(KEEP, true) !== false;
}

export function want(keep) {
  store(KEEP, keep);
}

function stored(name, fallback) {
  return tried(() => JSON.parse(localStorage.getItem(name))) ?? fallback;
}

function store(name, value) {
  return tried(() => (localStorage.setItem(name, JSON.stringify(value)), true)) ?? false;
}

/** Do it; return undefined where the browser does not let a page remember, or remembers nonsense. */
function tried(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}
