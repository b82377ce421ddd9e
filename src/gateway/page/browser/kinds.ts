import { countKinds, type Kind } from '../../../status/counts.js';
import type { JobView } from '../../../status/job-view.js';
import { byId, element, placeAt, setText } from './dom.js';

/** The counts in the head, each a filter. */
export interface KindFilter {
  /** The kind that is shown alone, if there is one. */
  chosen(): Kind | undefined;
  update(views: readonly JobView[]): void;
}

export function createKindFilter(onChange: () => void): KindFilter {
  const box = byId('kinds');
  const buttons = new Map<Kind | 'all', HTMLButtonElement>();
  let chosen: Kind | undefined;

  const buttonOf = (kind: Kind | 'all'): HTMLButtonElement => {
    const known = buttons.get(kind);
    if (known) return known;
    const button = element('button', { type: 'button', className: `kind-${kind}` });
    button.addEventListener('click', () => {
      chosen = kind === 'all' || chosen === kind ? undefined : kind;
      onChange();
    });
    buttons.set(kind, button);
    return button;
  };

  /** What the buttons say, in order. A kind that has emptied keeps its button while it is chosen. */
  const textsOf = (views: readonly JobView[]): Map<Kind | 'all', string> => {
    const texts = new Map<Kind | 'all', string>([
      ['all', `${views.length} job${views.length === 1 ? '' : 's'}`],
    ]);
    for (const { kind, word, count } of countKinds(views)) texts.set(kind, `${count} ${word}`);
    if (chosen && !texts.has(chosen)) texts.set(chosen, `0 ${chosen.replaceAll('_', ' ')}`);
    return texts;
  };

  return {
    chosen: () => chosen,
    update(views) {
      const texts = textsOf(views);
      for (const [kind, button] of buttons) if (!texts.has(kind)) button.remove();
      for (const [index, [kind, text]] of [...texts].entries()) {
        const button = buttonOf(kind);
        setText(button, text);
        button.setAttribute('aria-pressed', String(kind === (chosen ?? 'all')));
        placeAt(box, index, button);
      }
      box.hidden = views.length === 0;
    },
  };
}
