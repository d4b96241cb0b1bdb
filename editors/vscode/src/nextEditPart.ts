/** What of an edit is different: `old` at `start` of the replaced text becomes `text`. */
export interface Part {
  readonly start: number;
  readonly old: string;
  readonly text: string;
}

/** What an edit really changes, in whole words, as a reader takes them in. */
export function changedPart(old: string, text: string): Part {
  const shorter = Math.min(old.length, text.length);
  let start = 0;
  while (start < shorter && old[start] === text[start]) start += 1;
  while (start > 0 && (splits(old, start) || splits(text, start))) start -= 1;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === text.at(-1 - end)) end += 1;
  while (end > 0 && (splits(old, old.length - end) || splits(text, text.length - end))) end -= 1;
  return {
    start,
    old: old.slice(start, old.length - end),
    text: text.slice(start, text.length - end),
  };
}

/** Whether a word, a character outside of the basic plane, or a line end would be cut in two. */
function splits(text: string, at: number): boolean {
  return /[\p{L}\p{N}_$\uD800-\uDBFF\r]$/u.test(text.slice(Math.max(at - 2, 0), at))
    && /^[\p{L}\p{N}_$\uDC00-\uDFFF\n]/u.test(text.slice(at, at + 2));
}
