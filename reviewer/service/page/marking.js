/* Which parts of a draft carry which findings. */

/** Return [text, numbers of findings from 1] pieces that join to `draft`; offsets count code points. */
export function segments(draft, findings) {
  const chars = [...draft];
  const numbers = chars.map(() => new Set());
  findings.forEach(({ spans }, at) => spans.forEach(({ start, end }) => {
    for (let place = start; place < end; place++) numbers[place]?.add(at + 1);
  }));
  const keys = numbers.map((on) => [...on].join());
  const made = [];
  for (let start = 0, end; start < chars.length; start = end) {
    for (end = start + 1; end < chars.length && keys[end] === keys[start]; end++);
    made.push([chars.slice(start, end).join(""), [...numbers[start]]]);
  }
  return made;
}
