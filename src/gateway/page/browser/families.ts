import type { MetricFamily } from '../../../exposition/family.js';
import { element } from './dom.js';
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

  return {
    box: element('div', {}, ...kinds.map(({ box }) => box)),
    update(families) {
      const sorted = [...families].sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const { box, count, sections, holds } of kinds) {
        const held = sorted.filter(({ name }) => holds(name));
        box.hidden = held.length === 0;
        count.textContent = String(held.length);
        const wanted = held.map(place);
        if (!opened && held.length > 0) {
          opened = true;
          box.open = true;
        }
        if (
          wanted.some((section, index) => sections.children[index] !== section) ||
          sections.children.length !== wanted.length
        )
          sections.replaceChildren(...wanted);
      }
      const names = new Set(families.map(({ name }) => name));
      for (const name of shown.keys()) if (!names.has(name)) shown.delete(name);
    },
  };
}
