import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';
import { findServer } from '../support/server-process.js';

const promtool = findServer('promtool');

describe.skipIf(!promtool)('promtool', () => {
  test('the batch metrics keep the naming rules', async () => {
    const { stdout } = await runCli([
      'run',
      '--dry-run',
      '--interval',
      '0',
      '--ticks',
      '1',
      '--expected-interval',
      '1h',
    ]);
    const batch = stdout
      .slice(stdout.lastIndexOf('# HELP batch_job_last_start'))
      .split('\n')
      .filter((line) => line.includes('batch_job_'));
    expect(batch.length).toBeGreaterThan(25);
    expect(
      execFileSync(promtool ?? '', ['check', 'metrics'], {
        input: `${batch.join('\n')}\n`,
        encoding: 'utf8',
      }),
    ).toBe('');
  });
});
