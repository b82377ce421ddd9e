/** An element that the page has. */
export function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found as T;
}

/** A new element. Every value reaches the document as text, never as markup. */
export function element<N extends keyof HTMLElementTagNameMap>(
  name: N,
  properties: Partial<HTMLElementTagNameMap[N]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[N] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Foreign text, which cannot reorder what stands around it. */
export function foreign(text: string, className = ''): HTMLElement {
  return element('bdi', className === '' ? {} : { className }, text);
}

/** Sets a text only if it differs: nothing is drawn or read aloud anew for nothing. */
export function setText(at: HTMLElement, text: string): void {
  if (at.textContent !== text) at.textContent = text;
}

/** Puts a node at its place among its parent's children, unless it is there; what has the focus in it keeps it. */
export function placeAt(parent: HTMLElement, index: number, node: HTMLElement): void {
  const at = parent.children[index] ?? null;
  if (at === node) return;
  const focused = document.activeElement;
  parent.insertBefore(node, at);
  if (focused instanceof HTMLElement && node.contains(focused)) focused.focus({ preventScroll: true });
}

/** A time in seconds since the epoch as the reader's language writes it. */
export function formatTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toLocaleString();
}
