import { expect } from 'vitest';
import { type CliOptions, runCli } from './cli.js';

export interface Diagnosis {
  readonly code: number | null;
  readonly firstLine: string;
  readonly stdout: string;
  /** The words of the findings, from the JSON. */
  readonly checks: readonly string[];
}

/** What doctor says, as text and as JSON: both must be of one mind. */
export async function diagnose(args: readonly string[], options: CliOptions = {}): Promise<Diagnosis> {
  const given = ['doctor', '--push-timeout', '20s', ...args];
  const [text, json] = await Promise.all([runCli(given, options), runCli([...given, '--json'], options)]);
  expect(text.stderr + json.stderr).toBe('');
  expect(json.code).toBe(text.code);
  const { findings } = JSON.parse(json.stdout) as {
    findings: readonly { check: string; what: string; why: string; fix: string }[];
  };
  for (const { what, why, fix } of findings) expect([what, why, fix]).not.toContain('');
  return {
    code: text.code,
    stdout: text.stdout,
    firstLine: text.stdout.split('\n', 1)[0] ?? '',
    checks: findings.map(({ check }) => check),
  };
}
