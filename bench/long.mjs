// A scheduler that ticks each second for ten minutes (or as many seconds as the argument says): heap after collection,
// event-loop delay, and what is left at its end. Not part of CI:
//   npm run build && node bench/long.mjs
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startSink } from './measure.mjs';

const CLI = fileURLToPath(new URL('../dist/prombatch.cjs', import.meta.url));
const PROBE = fileURLToPath(new URL('programs/probe.cjs', import.meta.url));
const seconds = Number(process.argv[2] ?? 600);
const { address, close } = await startSink();
const flags = ['--max-runs', String(seconds), '--ticks', '10', '--interval', '0', '--quiet', '--no-spool'];
const child = spawn(
  process.execPath,
  ['--expose-gc', '-r', PROBE, CLI, 'schedule', '* * * * * *', ...flags, '-g', address],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
const [code] = await once(child, 'close');
close();
process.exitCode = code;
