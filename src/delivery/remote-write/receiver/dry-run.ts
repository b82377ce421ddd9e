import { formatValue, writeLabels } from '../../../exposition/write.js';
import type { Series } from '../wire/series.js';
import { HEADERS, type Receiver } from './receiver.js';

/** Shows each request instead of sending it: where it would go, and its series with their times and values. */
export function createDryReceiver({ name, flags }: Receiver, write: (text: string) => void): Receiver {
  return {
    name,
    flags,
    close() {},
    async send(series) {
      const head = [
        `POST ${name}`,
        ...Object.entries(HEADERS).map(([header, value]) => `${header}: ${value}`),
      ];
      write(`${[...head, '', ...series.flatMap(describe)].join('\n')}\n\n`);
      return { status: 'stored' };
    },
  };
}

function describe({ labels, samples }: Series): string[] {
  const name = labels.find(([label]) => label === '__name__')?.[1] ?? '';
  const shown = name + writeLabels(labels.filter(([label]) => label !== '__name__'));
  return samples.map(
    ({ value, timeMs }) => `${shown} ${formatValue(value)} at ${new Date(timeMs).toISOString()}`,
  );
}
