import type { MetricFamily } from '../../../exposition/family.js';
import { element, placeAt } from './dom.js';
import { createFamily } from './family.js';

/** What an open row shows of a group's families: folded by kind, and kept as they are while their content is the same. */
export interface FamiliesView {
  readonly box: HTMLElement;
  update(families: readonly MetricFamily[]): void;
}

const KINDS = [
  { title: "The job's own metrics", holds: (name: string) => !/^(?:batch_job|push)_/.test(name) },
  { title: 'Batch metrics', holds: (name: string) => name.startsWith('batch_job_') },
  { title: 'Pushes', holds: (name: string) => name.startsWith('push_') },
] as const;

export function createFamilies(): FamiliesView {
  const kinds = KINDS.map(({ title, holds }) => {
    const count = element('small', {});
    const sections = element('div', {});
    const box = element('details', { className: 'kind' }, element('summary', {}, `${title} `, count));
    box.append(sections);
    return { box, count, sections, holds };
  });
  /** The first kind that there is begins unfolded. */
  let opened = false;
  const shown = new Map<string, { section: HTMLElement; content: string }>();

  const place = (family: MetricFamily): HTMLElement => {
    const content = JSON.stringify(family);
    const before = shown.get(family.name);
    if (before?.content === content) return before.section;
    const helpOpen = before?.section.querySelector<HTMLElement>('.help')?.hidden === false;
    const section = createFamily(family, helpOpen);
    const hadFocus = before?.section.contains(document.activeElement) === true;
    before?.section.replaceWith(section);
    if (hadFocus) section.querySelector<HTMLElement>('.ask')?.focus();
    shown.set(family.name, { section, content });
    return section;
  };

  const drawKind = (
    { box, count, sections }: (typeof kinds)[number],
    held: readonly MetricFamily[],
  ): void => {
    box.hidden = held.length === 0;
    count.textContent = String(held.length);
    for (const [index, family] of held.entries()) placeAt(sections, index, place(family));
    for (const stale of [...sections.children].slice(held.length)) stale.remove();
    if (opened || held.length === 0) return;
    opened = true;
    box.open = true;
  };

  return {
    box: element('div', {}, ...kinds.map(({ box }) => box)),
    update(families) {
      const sorted = [...families].sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const kind of kinds) {
        drawKind(
          kind,
          sorted.filter(({ name }) => kind.holds(name)),
        );
      }
      const names = new Set(families.map(({ name }) => name));
      for (const name of shown.keys()) if (!names.has(name)) shown.delete(name);
    },
  };
}
