import { measureStartUp, printStartUp } from './start-up.mjs';

/**
 * What a change must not pass, by Node's major version: a row's time (wall and CPU) and its peak memory, as ratios of its
 * base. Each is what was reached, with a little room.
 */
const BOUNDS = {
  20: { '--version': [1.25, 1.1], run: [1.4, 1.15], exec: [1.45, 1.15] },
  24: { '--version': [1.25, 1.1], run: [1.6, 1.15], exec: [1.7, 1.16] },
};
const ROUNDS = 11;

/** Whether this Node's ratios keep their bounds; one that is passed by more than its noise is measured once more. */
export async function checkBounds(state) {
  const major = Number(process.versions.node.split('.')[0]);
  const bounds = BOUNDS[major] ?? BOUNDS[24];
  const only = ['bare', 'floor', 'floor of exec', ...Object.keys(bounds)];
  const passed = async (names) => {
    const rows = await measureStartUp(process.execPath, ROUNDS, state, { only });
    printStartUp(`Node ${process.version}`, rows);
    return names.filter((name) =>
      Object.entries(rows[name].ratios).some(([unit, { ratio, noise }]) => {
        const [time, memory] = bounds[name];
        return ratio - noise > (unit === 'MiB' ? memory : time);
      }),
    );
  };
  const first = await passed(Object.keys(bounds));
  const again = first.length > 0 ? await passed(first) : [];
  for (const name of again) console.log(`${name} passes its bound ${JSON.stringify(bounds[name])}`);
  return again.length === 0;
}
