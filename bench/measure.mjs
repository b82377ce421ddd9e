// What the benches share: whole processes, in turns, and the ratios of what they took.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** @typedef {{ wall: number, cpu?: number | undefined, MiB?: number | undefined }} Cost in ms, ms and MiB */
/** @typedef {{ file: string, args: string[], node?: boolean, env?: NodeJS.ProcessEnv }} Program */

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** A server that takes what is pushed and holds nothing: what is measured beside it is the client. */
export async function startSink() {
  const held = JSON.stringify({ status: 'success', data: [] });
  const server = createServer((request, response) =>
    request.resume().on('end', () => response.end(request.method === 'GET' ? held : undefined)),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { port, address: `127.0.0.1:${port}`, close: () => server.close() };
}

/**
 * Runs a program to its end, and throws if that is not its success. What reads memory and CPU is preloaded, which costs a
 * little by itself, so the wall time is measured without it.
 *
 * @param {Program} program
 * @returns {Promise<Cost>}
 */
export async function wholeProcess({ file, args, node, env = process.env }, { usage = false } = {}) {
  const counted = usage && node;
  const preload = counted ? ['-r', new URL('programs/usage.cjs', import.meta.url).pathname] : [];
  const start = performance.now();
  const child = spawn(file, [...preload, ...args], { env, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stdio[3]?.on('data', (chunk) => (text += chunk));
  const [code] = await once(child, 'close');
  const wall = performance.now() - start;
  if (code !== 0) throw new Error(`${file} ${args.join(' ')}: exit code ${code}`);
  return { wall, ...(counted ? JSON.parse(text) : {}) };
}

/**
 * Measures programs in turns, so that what else the machine does meets all of them alike.
 *
 * @param {Readonly<Record<string, Program>>} programs
 */
export async function inTurns(programs, rounds) {
  const rows = Object.entries(programs).map(([name, program]) => ({
    name,
    program,
    costs: /** @type {Cost[]} */ ([]),
  }));
  for (let round = -1; round < rounds; round++) {
    for (const { program, costs } of rows) {
      const { wall } = await wholeProcess(program);
      const { cpu, MiB } = await wholeProcess(program, { usage: true });
      if (round >= 0) costs.push({ wall, cpu, MiB });
    }
  }
  return Object.fromEntries(rows.map(({ name, costs }) => [name, costs]));
}

/**
 * The median of the ratios round by round, and how far the true one may be from it: twice the standard error of a median,
 * 1.25 σ / √n, with σ from the median deviation.
 */
export function ratio(costs, base, unit) {
  const ratios = costs.map((cost, round) => cost[unit] / base[round][unit]);
  const middle = median(ratios);
  const deviation = median(ratios.map((each) => Math.abs(each - middle)));
  return { ratio: middle, noise: (2 * 1.25 * 1.4826 * deviation) / Math.sqrt(ratios.length) };
}
