import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGatewayClient } from '../../src/delivery/client/gateway-client.js';
import { withDeadline } from '../../src/delivery/deadline.js';
import { parseGatewayAddress } from '../../src/delivery/http/gateway-address.js';
import { defineJob, runJob } from '../../src/index.js';
import type { RunOptions } from '../../src/run/run-options.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

// Each of these tells of what would be lost, or shown wrongly, without one line of the delivery.

interface Request {
  readonly method: string;
  readonly body: string;
  readonly encoding: string | undefined;
  readonly socket: Socket;
}
type Answer = number | Promise<number> | 'none' | 'half';

let folder: string;
let spool: string;
let server: Server;
let url: string;
let requests: Request[];
/** What the gateway answers from now on. */
let answer: (request: Request) => Answer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-guards-'));
  spool = join(folder, 'spool');
  requests = [];
  server = createServer(async (incoming, response) => {
    const request = await readRequest(incoming);
    requests.push(request);
    const status = await answer(request);
    if (status === 'half')
      response.writeHead(200, { 'Content-Length': 20 }).write('{"data":[', () => response.destroy());
    else if (status !== 'none')
      response.writeHead(status, status === 500 ? {} : { 'Retry-After': '60' }).end('{"data":[]}');
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function readRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const encoding = incoming.headers['content-encoding'];
  const plain = encoding === 'gzip' ? gunzipSync(bytes) : bytes;
  return { method: incoming.method ?? '', body: plain.toString(), encoding, socket: incoming.socket };
}

const posts = () => requests.filter(({ method }) => method !== 'GET');
const readings = () => requests.filter(({ method }) => method === 'GET');
/** The runs in the spool, those that were set aside too. */
const files = () =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\d{16}-[^/]*\.json$/.test(name),
      )
    : [];
const waiting = () => files().filter((name) => !name.includes('rejected'));
const COMPLETION = 'batch_job_last_completion_timestamp_seconds';

async function run(
  metrics: string | (() => string | Promise<string>),
  options: RunOptions = {},
  body: () => unknown = () => {},
) {
  const job = defineJob({
    name: 'guarded',
    createRegistry: () => ({ metrics: typeof metrics === 'string' ? () => metrics : metrics }),
    async run() {
      await body();
    },
  });
  const result = await runJob(job, { gateway: url, spool, startPush: false, ...options });
  // What is expected inside of the job fails only that.
  expect(result.outcome).toMatchObject({ status: 'succeeded' });
  return result;
}
/** A run that the gateway could not take. */
async function leaveWaiting(): Promise<void> {
  answer = () => 503;
  await run('rows_of_the_first 1\n');
  expect(waiting()).toHaveLength(1);
  requests = [];
}

test('a gateway that refuses the reading of a group, but not pushes, is sent nothing old: it might overwrite what is newer', async () => {
  await leaveWaiting();
  answer = ({ method }) => (method === 'GET' ? 401 : 200);
  const { delivery } = await run('rows_of_the_second 1\n');
  expect(delivery).toMatchObject({ status: 'outcome_only' });
  expect(posts().filter(({ body }) => body.includes(COMPLETION))).not.toHaveLength(0);
  for (const { body } of posts()) expect(body).not.toContain('rows_of');
  expect(waiting()).toHaveLength(2);
});

test('a reading that is cut short says nothing: a group of which half is known is not taken for an empty one', async () => {
  await leaveWaiting();
  answer = ({ method }) => (method === 'GET' ? 'half' : 200);
  const { delivery } = await run('rows_of_the_second 1\n', { pushTimeoutMs: 1000 });
  expect(delivery).toMatchObject({ status: 'outcome_only' });
  expect(readings()).not.toHaveLength(0);
  for (const { body } of posts()) expect(body).not.toContain('rows_of');
  expect(waiting()).toHaveLength(2);
});

test('a reading that fails is not tried again before the outcome is out: it would use up its time', async () => {
  answer = ({ method }) => (method === 'GET' ? 500 : 200);
  const { delivery } = await run('# TYPE rows counter\nrows 1\n', { accumulate: true, pushTimeoutMs: 3000 });
  expect(delivery).toMatchObject({ status: 'outcome_only' });
  // One reading before the job, and one after it.
  expect(requests.findIndex(({ body }) => body.includes(COMPLETION))).toBe(2);
  expect(waiting()).toHaveLength(1);
});

test('where a proxy reads no gzip, the outcome goes as plain text', async () => {
  answer = ({ encoding }) => (encoding === undefined ? 200 : 415);
  const { delivery } = await run(`rows{a="${'x'.repeat(10_000)}"} 1\n`);
  expect(delivery).toMatchObject({ status: 'outcome_only' });
  expect(posts().map(({ encoding }) => encoding)).toEqual(['gzip', undefined]);
});

test.each([200, 202])('%s is a push that the gateway has', async (status) => {
  answer = () => status;
  expect(await run('rows 1\n')).toMatchObject({ delivery: { status: 'delivered' } });
  expect(waiting()).toEqual([]);
});

test('a push while the job runs does not overtake what waits', async () => {
  await leaveWaiting();
  answer = ({ method }) => (method === 'GET' ? 503 : 200);
  await run('rows_of_the_second 1\n', { pushIntervalMs: 20 }, async () => {
    await waitFor('three updates', () => readings().length >= 3);
    expect(posts()).toEqual([]);
  });
});

describeOnPushgateways('a push while the job runs', (gateway) => {
  test('has counts that go on from what is held, so that no counter goes back in between', async () => {
    const group = `${gateway().url}/metrics/job/guarded`;
    await fetch(group, { method: 'POST', body: '# TYPE rows counter\nrows 10\n' });
    const options = { gateway: gateway().url, accumulate: true, pushIntervalMs: 20 };
    const { delivery } = await run('# TYPE rows counter\nrows 1\n', options, () =>
      waitFor('the count on the way', async () => (await gateway().samples('guarded')).rows === 11),
    );
    expect(delivery).toMatchObject({ status: 'delivered' });
    expect((await gateway().samples('guarded')).rows).toBe(11);
  });
});

describeOnPushgateways('a run that ends while its metrics are collected for a push beside it', (gateway) => {
  test('is counted once: that push does not go out any more', async () => {
    let collected = 0;
    const metrics = async () => {
      // The first is still under way when the run has ended, and those of the end are collected.
      if (++collected === 1) await waitFor('the end of the run', () => collected === 2);
      return '# TYPE rows counter\nrows 5\n';
    };
    const options = { gateway: gateway().url, accumulate: true, pushIntervalMs: 20 };
    const { delivery } = await run(metrics, options, () =>
      waitFor('the collection beside the job', () => collected === 1),
    );
    expect(delivery).toMatchObject({ status: 'delivered' });
    expect((await gateway().samples('guarded')).rows).toBe(5);
  });
});

describeOnPushgateways('the first push while the job runs', (gateway) => {
  test('has the counts of a run that ended since this one began', async () => {
    const options = { gateway: gateway().url, accumulate: true };
    const rows = async () => (await gateway().samples('guarded')).rows;
    await run('# TYPE rows counter\nrows 1\n', { ...options, pushIntervalMs: 500 }, async () => {
      await run('# TYPE rows counter\nrows 10\n', options);
      await waitFor('the count on the way', async () => (await rows()) !== 10);
      expect(await rows()).toBe(11);
    });
    expect(await rows()).toBe(11);
  });
});

test('a collector that blocks the process for longer than a push may take does not cost the outcome its push', async () => {
  answer = () => 200;
  const block = () => {
    const until = performance.now() + 1600;
    while (performance.now() < until);
    return 'rows 1\n';
  };
  const { delivery } = await run(block, { pushTimeoutMs: 1000, spool: undefined });
  expect(delivery.status).toMatch(/delivered|outcome_only/);
  expect(posts().at(-1)?.body).toContain(COMPLETION);
});

test('a start push that hangs is broken off before the outcome goes: it would put the old start over it', async () => {
  let closed = false;
  answer = ({ body }) => {
    if (!body.includes(COMPLETION)) return 'none';
    // Until then the two would overlap.
    return waitFor('the end of the start push', () => closed).then(() => 200);
  };
  const { delivery } = await run('rows 1\n', { startPush: true, pushTimeoutMs: 2000 }, async () => {
    const [start] = await waitFor('the start push', () => requests.length > 0 && requests);
    start?.socket.once('close', () => (closed = true));
  });
  expect(delivery).toMatchObject({ status: 'delivered' });
});

test.each([404, 405])(
  'a gateway that is not where it was said to be (%s) costs no metrics: they wait',
  async (status) => {
    answer = () => status;
    const { delivery } = await run('rows 1\n');
    expect(delivery).toMatchObject({ status: 'failed' });
    expect(posts()).toHaveLength(1);
    expect(files()).toEqual(waiting());
    expect(readFileSync(join(spool, waiting()[0] ?? ''), 'utf8')).toContain('rows 1');
  },
);

test('a connection on which a refused body is still under way is closed, and not kept for the next push', async () => {
  const opened: Socket[] = [];
  const closed = new Set<Socket>();
  const early = createTcpServer((socket) => {
    opened.push(socket);
    socket.on('error', () => {}).on('close', () => closed.add(socket));
    socket.once('data', () => {
      // It has read enough, and reads on only when the refusal has arrived.
      socket.pause();
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\ntoo large');
    });
  });
  early.listen(0, '127.0.0.1');
  await new Promise((resolve) => early.once('listening', resolve));
  const client = createGatewayClient(
    parseGatewayAddress(`127.0.0.1:${(early.address() as AddressInfo).port}`),
  );
  const large = 'x'.repeat(32 * 2 ** 20);
  const request = { method: 'POST', path: '/metrics/job/a', body: large, compress: false } as const;
  await withDeadline(15_000, (deadline) =>
    expect(client.push(request, { deadline })).rejects.toMatchObject({ status: 413 }),
  );
  opened[0]?.resume();
  await waitFor('the first connection to be closed', () => closed.has(opened[0] as Socket), 5000);
  client.close();
  early.close();
});
