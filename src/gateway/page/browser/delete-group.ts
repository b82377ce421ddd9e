import type { Labels } from '../../../exposition/family.js';
import { describeName } from '../../../status/describe.js';
import type { JobRow } from '../../../status/view-jobs.js';
import { byId } from './dom.js';

/** Asks whether the group is to go, and deletes it; `done` is told whether that failed. */
export function askToDelete({ view, group }: JobRow, done: (failed: boolean) => void): void {
  if (!group) return;
  const dialog = byId<HTMLDialogElement>('confirm');
  byId('question').textContent = `Delete the group ${describeName(view)} and all of its metrics?`;
  dialog.returnValue = 'cancel';
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'delete') return;
    const response = await fetch(pathOf(group.labels), { method: 'DELETE' }).catch(() => undefined);
    done(!response?.ok);
  };
  dialog.showModal();
}

function pathOf(labels: Labels): string {
  const encode = (value: string): string => {
    const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(value)));
    return `@base64/${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') || '='}`;
  };
  const isJob = ([name]: Labels[number]): number => (name === 'job' ? 0 : 1);
  const segments = [...labels].sort((a, b) => isJob(a) - isJob(b));
  return `/metrics${segments.map(([name, value]) => `/${name}${encode(value)}`).join('')}`;
}
