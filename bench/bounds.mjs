import { measureStartUp, printStartUp } from './start-up.mjs';

/**
 * What a change must not pass, by Node's major version: a row's CPU time (user and system) and its peak memory, as ratios
 * of its base. Each is about 8% (memory: 4%) above what is reached on a calm machine. Wall time is shown and not judged:
 * it tells what else the machine does.
 */
const BOUNDS = {
  20: { '--version': [1.12, 1.06], run: [1.42, 1.12], 'run, direct': [1.52, 1.13], exec: [1.42, 1.12] },
  24: { '--version': [1.12, 1.06], run: [1.66, 1.14], 'run, direct': [1.92, 1.15], exec: [1.64, 1.14] },
};
const ROUNDS = 15;

/**
 * Whether this Node's ratios keep their bounds. One fails only if it passes its bound by more than its noise in each of
 * two measurements: on a busy machine a median moves, but not twice alike.
 */
export async function checkBounds(state) {
  const major = Number(process.versions.node.split('.')[0]);
  const bounds = BOUNDS[major] ?? BOUNDS[24];
  const bases = ['bare', 'floor', 'floor, direct', 'floor of exec'];
  const passed = async (names) => {
    const rows = await measureStartUp(process.execPath, ROUNDS, state, { only: [...bases, ...names] });
    printStartUp(`Node ${process.version}`, rows);
    return names.filter((name) => passes(rows[name].ratios, bounds[name]));
  };
  const first = await passed(Object.keys(bounds));
  const again = first.length > 0 ? await passed(first) : [];
  for (const name of again) console.log(`${name} passes its bound ${JSON.stringify(bounds[name])}`);
  return again.length === 0;
}

function passes({ cpu, MiB }, [time, memory]) {
  return cpu.ratio - cpu.noise > time || MiB.ratio - MiB.noise > memory;
}
