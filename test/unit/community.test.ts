import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const github = fileURLToPath(new URL('../../.github/', import.meta.url));
const files = readdirSync(github, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yml'),
);

test.each(files)('%s is YAML', (name) => {
  expect(parse(readFileSync(github + name, 'utf8'))).toBeTypeOf('object');
});

test('the workflow runs .ci/run on each Node that the package supports, and a missing server fails it', () => {
  const { jobs } = parse(readFileSync(`${github}workflows/ci.yml`, 'utf8'));
  expect(jobs.test.strategy.matrix.node).toEqual([20, 22, 24, 26]);
  expect(jobs.test.container.image).toContain('matrix.node');
  expect(jobs.test.steps.at(-1)).toEqual({ run: 'bash .ci/run', env: { CI: 'true' } });
});
