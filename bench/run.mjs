// `npm run bench`: what prombatch costs, as ratios of things measured in turns in one run, since machines differ and are
// noisy. Prints tables and writes bench/results.json. With `--short` it checks a few of the ratios on this Node against
// their bounds, and fails if one is passed by more than its noise twice.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkBounds } from './bounds.mjs';
import { flat } from './flat.mjs';
import { largeGateway } from './large-gateway.mjs';
import { describeMachine, findNode } from './nodes.mjs';
import { measureStartUp, printStartUp } from './start-up.mjs';
import { many, wide, work } from './work.mjs';

const state = mkdtempSync(join(tmpdir(), 'prombatch-bench-'));
process.on('exit', () => rmSync(state, { recursive: true, force: true }));

if (process.argv.includes('--short')) {
  process.exitCode = (await checkBounds(state)) ? 0 : 1;
} else {
  const rounds = Number(/--rounds=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 21);
  /** @type {Record<string, any>} */
  const results = { machine: describeMachine(), rounds, startUp: {} };
  /** After each part: the whole takes a quarter of an hour. */
  const save = (part) => {
    Object.assign(results, part);
    const rounded = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
    writeFileSync(new URL('results.json', import.meta.url), `${JSON.stringify(results, rounded, 2)}\n`);
  };
  const nodes = /--nodes=([\d,]+)/.exec(process.argv.join(' '))?.[1] ?? '20,22,24,26';
  for (const major of nodes.split(',').map(Number)) {
    const { version, path } = findNode(major);
    const rows = await measureStartUp(path, rounds, state, { others: major === 24 });
    printStartUp(`Node ${version}`, rows);
    save({ startUp: { ...results.startUp, [version]: rows } });
  }
  save({ work: await work(process.execPath) });
  save({ wide: await wide(process.execPath) });
  save({ many: await many() });
  save({ flat: await flat() });
  save({ largeGateway: await largeGateway() });
}
