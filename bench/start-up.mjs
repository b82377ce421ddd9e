// What a run costs over Node itself: whole processes, as ratios to the floor and to bare Node.
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inTurns, median, ratio, startSink, wholeProcess } from './measure.mjs';

const CLI = fileURLToPath(new URL('../dist/prombatch.cjs', import.meta.url));
const program = (name) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));

/** The rows that are compared with bare Node; all others are with their floor. */
const OF_BARE = ['--version', '--help', 'floor', 'floor of exec', 'floor, direct'];

/** What is measured on one Node. */
function nodePrograms(node, { port, address }, state) {
  const run = (file, ...args) => ({ file: node, args: [file, ...args], node: true });
  const floor = (...command) => run(program('floor.cjs'), '127.0.0.1', String(port), ...command);
  const sample = (...flags) => run(CLI, 'run', '--ticks', '1', '--quiet', '-g', address, ...flags);
  const direct = (...flags) =>
    run(CLI, 'run', '--ticks', '1', '--quiet', '--remote-write', `http://${address}/api/v1/write`, ...flags);
  const command = (...flags) => run(CLI, 'exec', '-g', address, ...flags, '--', 'true');
  return {
    bare: { file: node, args: ['-e', '0'], node: true },
    '--version': run(CLI, '--version'),
    '--help': run(CLI, '--help'),
    floor: floor(),
    run: sample('--no-spool'),
    'run, spool': sample('--spool', `${state}/run`),
    'run, accumulate': sample('--no-spool', '--accumulate'),
    'floor, direct': run(program('floor-direct.cjs'), '127.0.0.1', String(port)),
    'run, direct': direct('--no-spool'),
    'run, direct, spool': direct('--spool', `${state}/direct`),
    'floor of exec': floor('true'),
    exec: command('--no-spool'),
    'exec, spool': command('--spool', `${state}/exec`),
    'exec, accumulate': command('--no-spool', '--accumulate'),
    'obvious script': run(program('obvious.cjs'), '-g', `http://${address}`),
  };
}

function baseOf(name) {
  if (OF_BARE.includes(name)) return 'bare';
  if (name.startsWith('run, direct')) return 'floor, direct';
  return name.startsWith('exec') ? 'floor of exec' : 'floor';
}

/** `curl` and other languages' clients, where they are; as ratios to the floor of the first Node that they are beside. */
async function otherPrograms(address, state) {
  const push = [
    '-sf',
    '--data-binary',
    '# TYPE success gauge\nsuccess 1\n',
    `http://${address}/metrics/job/curl`,
  ];
  const source = `${state}/go`;
  cpSync(program('go'), source, { recursive: true });
  spawnSync('go', ['build', '-mod=mod', '-o', 'client', '.'], {
    cwd: source,
    stdio: 'ignore',
    timeout: 120_000,
  });
  const programs = {
    curl: { file: 'curl', args: [...push, '--next', ...push] },
    python: { file: 'python3', args: [program('client.py'), address] },
    go: { file: `${source}/client`, args: [address] },
  };
  const found = await Promise.all(
    Object.entries(programs).map(async ([name, each]) => {
      const works = await wholeProcess(each).then(
        () => true,
        () => false,
      );
      return works ? [[name, each]] : [];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Measures on one Node, all programs or `only` some. */
export async function measureStartUp(
  node,
  rounds,
  state,
  { only = /** @type {string[]} */ ([]), others = false },
) {
  const sink = await startSink();
  const all = {
    ...nodePrograms(node, sink, state),
    ...(others ? await otherPrograms(sink.address, state) : {}),
  };
  const programs = Object.fromEntries(
    Object.entries(all).filter(([name]) => only.length === 0 || only.includes(name)),
  );
  const costs = await inTurns(programs, rounds);
  sink.close();
  return Object.fromEntries(
    Object.entries(costs).map(([name, cost]) => [
      name,
      describe(name, cost, costs[baseOf(name)], costs.bare),
    ]),
  );
}

/** @returns {any} */
function describe(name, cost, base, bare) {
  const units = cost[0].cpu === undefined ? ['wall'] : ['wall', 'cpu', 'MiB'];
  return {
    of: baseOf(name),
    median: Object.fromEntries(units.map((unit) => [unit, median(cost.map((each) => each[unit]))])),
    ratios: Object.fromEntries(units.map((unit) => [unit, ratio(cost, base, unit)])),
    ofBare: ratio(cost, bare, 'wall').ratio,
  };
}

export function printStartUp(title, rows) {
  const cell = (value, digits, width) => (value === undefined ? '-' : value.toFixed(digits)).padStart(width);
  console.log(`\n${title.padEnd(18)}  wall ms  of base        of bare   CPU ms  of base     MiB  of base`);
  for (const [name, { of, median: middle, ratios, ofBare }] of Object.entries(rows)) {
    const noise = `±${ratios.wall.noise.toFixed(2)}`;
    console.log(
      [
        name.padEnd(18),
        cell(middle.wall, 1, 8),
        cell(ratios.wall.ratio, 2, 8),
        noise.padEnd(6),
        cell(ofBare, 2, 8),
        cell(middle.cpu, 1, 8),
        cell(ratios.cpu?.ratio, 2, 8),
        cell(middle.MiB, 1, 7),
        cell(ratios.MiB?.ratio, 2, 8),
        ` of ${of}`,
      ].join(' '),
    );
  }
}
