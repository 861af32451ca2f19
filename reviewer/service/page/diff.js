/* What a rewrite changed, by words. */

// Above this many words a table of all pairs takes noticeable time and memory.
const MOST_WORDS = 3000;

function words(text) {
  const segments = new Intl.Segmenter("zh", { granularity: "word" }).segment(text);
  return [...segments].map((piece) => piece.segment);
}

/** Return [kind, text] pieces: same, del or ins. Source: longest common subsequence by words. */
export function differences(before, after) {
  const a = words(before), b = words(after);
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) return [["del", before], ["ins", after]];
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
  const made = [];
  const add = (kind, text) => (made.at(-1)?.[0] === kind ? (made.at(-1)[1] += text) : made.push([kind, text]));
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) add("same", a[i++]), j++;
    else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) add("del", a[i++]);
    else add("ins", b[j++]);
  }
  return made;
}
