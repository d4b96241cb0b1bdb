/** A place in a text, as LSP and VS Code count. */
export interface Place {
  readonly line: number;
  readonly character: number;
}

/** Other text in one place. */
export interface TextEdit {
  readonly range: { readonly start: Place; readonly end: Place };
  readonly newText: string;
}

/** What an instruction changes in one document, and what stands there. */
export interface Change {
  readonly uri: string;
  /** Null for a file that is not open, or that is to be made. */
  readonly version: number | null;
  readonly isNew: boolean;
  readonly edits: readonly TextEdit[];
  readonly old: readonly string[];
}

/** What the server answers to an instruction. */
export interface Answer {
  readonly message: string;
  readonly words: string;
  readonly edit?: { readonly documentChanges: readonly DocumentChange[] };
  readonly old?: readonly string[];
}

interface DocumentChange {
  readonly kind?: "create";
  readonly textDocument?: { readonly uri: string; readonly version: number | null };
  readonly edits?: readonly TextEdit[];
}

/** What an answer changes; nothing if it brings words alone. */
export function changeOf(answer: Answer): Change | undefined {
  const changes = answer.edit?.documentChanges ?? [];
  const last = changes.at(-1);
  if (!last?.textDocument || !last.edits) return undefined;
  return {
    ...last.textDocument,
    isNew: changes.some(({ kind }) => kind === "create"),
    edits: last.edits,
    old: answer.old ?? [],
  };
}

/** A text with the edits made, all of whose places are those of the text as it is. */
export function applied(text: string, offsetAt: (place: Place) => number, edits: readonly TextEdit[]): string {
  const parts = edits.map(({ range, newText }) => ({
    start: offsetAt(range.start),
    end: offsetAt(range.end),
    newText,
  }));
  parts.sort((one, other) => other.start - one.start);
  let changed = text;
  for (const { start, end, newText } of parts) {
    changed = changed.slice(0, start) + newText + changed.slice(end);
  }
  return changed;
}
