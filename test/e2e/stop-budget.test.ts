import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RunningCli, startCli } from '../support/cli.js';
import { answering, type FaultyServer, stalling } from '../support/faulty-server.js';
import { waitFor } from '../support/wait-for.js';

/** What a stop leaves for everything together, and the slack of a busy machine. */
const AFTER_STOP_MS = 3000 + 1000;

const HANGS = 'new Promise(() => setTimeout(() => {}, 60_000))';
const UNTIL_STOPPED = `console.log('begun'); await new Promise((_, reject) => {
  setTimeout(reject, 60_000);
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason));
});`;

interface Job {
  readonly metrics?: string;
  readonly body?: string;
}

/** A place of a run's own: the runs of this file wait at the same time. */
interface Place {
  readonly folder: string;
  readonly spool: string;
  readonly textfiles: string;
  readonly gateway: FaultyServer;
}

function makePlace(gateway: FaultyServer): Place {
  const folder = mkdtempSync(join(tmpdir(), 'prombatch-stop-'));
  const textfiles = join(folder, 'textfiles');
  mkdirSync(textfiles);
  return { folder, spool: join(folder, 'spool'), textfiles, gateway };
}

/** A job whose metrics and body are these; it says when its metrics are collected. */
function start(
  { folder, spool, textfiles, gateway }: Place,
  { metrics = "'rows 1\\n'", body = '' }: Job,
  flags: readonly string[] = [],
): RunningCli {
  const path = join(folder, 'job.mjs');
  writeFileSync(
    path,
    `const metrics = () => { console.log('collecting'); return ${metrics}; };
export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics }), async run({ signal }) { ${body} } };`,
  );
  const target = ['-g', gateway.address, '--spool', spool, '--push-timeout', '20s', '--textfile', textfiles];
  return startCli(['run', path, ...target, ...flags]);
}

/** Stops the run at a moment, and measures how long it then takes to end. */
async function stopAt(cli: RunningCli, came: () => unknown) {
  await waitFor('the moment to stop', came);
  const stoppedAt = performance.now();
  cli.child.kill('SIGTERM');
  const result = await cli.result;
  return { ...result, afterStopMs: performance.now() - stoppedAt };
}

const waiting = ({ spool }: Place): string[] =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\d{16}-[^/]*\.json$/.test(name),
      )
    : [];
const outcomeOf = (text: string): string | undefined => /^batch_job_success(?:\{.*\})? (\d)/m.exec(text)?.[1];
const written = ({ textfiles }: Place): string | undefined =>
  outcomeOf(readFileSync(join(textfiles, readdirSync(textfiles)[0] ?? ''), 'utf8'));

type Moment = (cli: RunningCli, place: Place) => unknown;
const said =
  (word: string): Moment =>
  (cli) =>
    cli.stdout().includes(word);
const kept: Moment = (_, place) => waiting(place).length > 0;

/** Each of these holds a run back in another place. */
const CASES: readonly {
  title: string;
  job: Job;
  flags?: readonly string[];
  server: () => Promise<FaultyServer>;
  at: Moment;
  code: number;
}[] = [
  {
    title: 'during the job, with metrics() that hangs and a gateway that stalls',
    job: { metrics: HANGS, body: UNTIL_STOPPED },
    server: stalling,
    at: said('begun'),
    code: 143,
  },
  {
    title: 'while metrics() hangs after the job, and a gateway that stalls',
    job: { metrics: HANGS },
    server: stalling,
    at: said('collecting'),
    code: 3,
  },
  {
    title: 'while metrics() hangs after the job, and a gateway that answers',
    job: { metrics: HANGS },
    server: () => answering({ status: 200 }),
    at: said('collecting'),
    code: 3,
  },
  {
    title: 'while the gateway stalls',
    job: {},
    server: stalling,
    at: kept,
    code: 3,
  },
  {
    title: 'while a gateway that cannot take pushes is tried again',
    job: {},
    server: () => answering({ status: 503 }),
    at: (_, { gateway }) => gateway.requests.length > 2,
    code: 3,
  },
  {
    title: 'while an update of the running job hangs',
    job: { metrics: HANGS, body: UNTIL_STOPPED },
    flags: ['--push-interval', '50ms'],
    server: stalling,
    at: said('collecting'),
    code: 143,
  },
  {
    title: 'while the base is read before the job',
    job: { body: UNTIL_STOPPED },
    flags: ['--accumulate'],
    server: stalling,
    at: (_, { gateway }) => gateway.requests.some((request) => request.startsWith('GET')),
    code: 143,
  },
  {
    title: 'while the base is read at the end',
    job: {},
    flags: ['--accumulate', '--no-start-push'],
    server: () => answering({ status: 200, body: '{"data":[]}' }, { status: 503 }),
    at: kept,
    code: 3,
  },
];

describe.concurrent('a run that is stopped', () => {
  test.each(CASES)(
    '$title ends within three seconds, and its outcome is delivered or kept',
    async ({ job, flags = [], server, at, code }) => {
      const place = makePlace(await server());
      const cli = start(place, job, flags);
      try {
        const ended = await stopAt(cli, () => at(cli, place));
        expect(ended.afterStopMs).toBeLessThan(AFTER_STOP_MS);
        expect(ended.code).toBe(code);
        const expected = code === 143 ? '0' : '1';
        const delivered = place.gateway.requests.some((request) => outcomeOf(request) === expected);
        expect(delivered || waiting(place).length > 0).toBe(true);
        expect(written(place)).toBe(expected);
      } finally {
        cli.child.kill('SIGKILL');
        await place.gateway.close();
        rmSync(place.folder, { recursive: true, force: true });
      }
    },
  );
});
