import { expect, test } from 'vitest';
import { watchStatus } from '../../../src/commands/steps/show-status.js';
import type { GatewayGroup } from '../../../src/exposition/api-groups.js';
import { silentLog } from '../../../src/log.js';
import type { Host } from '../../../src/process/host.js';
import { waitFor } from '../../support/wait-for.js';

test('on a terminal the worst jobs stay in sight, and what the terminal held comes back', async () => {
  const written: string[] = [];
  let stop = (): void => {};
  const output = {
    write: (text: string) => void written.push(text),
    isTTY: true,
    columns: () => 80,
    rows: () => 10,
  };
  const host: Host = {
    argv: [],
    cwd: '/',
    pid: 1,
    guard: () => () => {},
    wasStopped: () => false,
    stdout: output,
    stderr: output,
    env: {},
    untilStopped: () =>
      new Promise<void>((resolve) => {
        stop = resolve;
      }),
  };
  const groups: GatewayGroup[] = Array.from({ length: 213 }, (_, index) => ({
    labels: [['job', `job_${index}`]],
    families: [
      {
        name: 'batch_job_success',
        type: 'gauge',
        samples: [{ name: 'batch_job_success', labels: [], value: index === 199 ? 0 : 1 }],
      },
    ],
  }));
  const watching = watchStatus(host, silentLog, false, {
    gateway: 'gw',
    readGroups: async () => groups,
    readBacklog: () => undefined,
    selection: {},
  });
  await waitFor('the first table', () => written.length > 0);
  stop();
  expect(await watching).toBe(0);
  const [first = '', last = ''] = written;
  expect(first.startsWith('\x1b[?1049h')).toBe(true);
  expect(first).toContain('213 jobs: 1 failed');
  expect(first).toContain('job_199');
  expect(first.split('\n').length).toBeLessThanOrEqual(10);
  expect(last.startsWith('\x1b[?1049l213') || last.startsWith('\x1b[?1049l\x1b[31m213')).toBe(true);
  expect(written.join('')).not.toContain('\x1b[3J');
});
