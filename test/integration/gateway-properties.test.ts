import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { empty, observe } from '../support/conformance.js';
import type { CaseRequest } from '../support/conformance-cases.js';
import { type Gateway, isNewer, pushgatewayBinaries, startPushgateway } from '../support/pushgateway.js';

const RUNS = 200;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

const path = fc.constantFrom(
  '/metrics/job/a',
  '/metrics/job/b',
  '/metrics/job/a/z/1',
  '/metrics/job/a/instance/i',
);
const sample = (values: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom('x', 'y', 'x_sum', 'x_count', 'y_bucket'),
      fc.constantFrom(
        '',
        '{z="1"}',
        '{z="2"}',
        '{z=""}',
        '{le="1"}',
        '{quantile="0.5"}',
        '{job="b"}',
        '{le="+Inf",z="1"}',
      ),
      fc.constantFrom(...values),
    )
    .map(([name, labels, value]) => `${name}${labels} ${value}\n`);
const type = fc
  .tuple(fc.constantFrom('x', 'y'), fc.constantFrom('counter', 'gauge', 'histogram', 'summary', 'untyped'))
  .map(([name, kind]) => `# TYPE ${name} ${kind}\n`);
const body = (values: readonly string[]) =>
  fc
    .tuple(fc.array(type, { maxLength: 2 }), fc.array(sample(values), { maxLength: 5 }))
    .map(([types, samples]) => [...types, ...samples].join(''));
const request = (values: readonly string[]): fc.Arbitrary<CaseRequest> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ method: fc.constantFrom('POST', 'POST', 'PUT'), path, body: body(values) }),
    },
    { weight: 1, arbitrary: path.map((group) => ({ method: 'DELETE', path: group })) },
  );
/** The embedded gateway keeps fractional counts of histograms, as 1.11 does; 1.5.1 cuts them. */
const valuesFor = (binary: string) => (isNewer(binary) ? ['0', '1', '2.5', '1e9'] : ['0', '1', '2', '1e9']);

/** A count of many digits in a histogram whose counts are floats. */
const FLOAT_HISTOGRAM: CaseRequest = {
  method: 'POST',
  path: '/metrics/job/a',
  body: '# TYPE x histogram\nx_count 2.5\nx{le="1"} 1e9\n',
};

describe.each(pushgatewayBinaries())(
  'random pushes and deletes on %s and on the embedded gateway',
  (_name, binary) => {
    let real: Gateway;
    let embedded: RunningGateway;
    beforeAll(async () => {
      embedded = await openGateway();
      if (binary) real = await startPushgateway(binary);
    });
    afterAll(async () => {
      await embedded.close();
      await real?.stop();
    });

    test.skipIf(!binary)(
      `leave the same behind: ${RUNS} sequences of seed ${seed}`,
      async () => {
        const statuses = new Map<number, number>();
        await fc.assert(
          fc.asyncProperty(
            fc.array(request(valuesFor(binary ?? '')), { minLength: 1, maxLength: 8 }),
            async (requests) => {
              await empty(real.url);
              embedded.wipe();
              const expected = await observe(real.url, { requests });
              for (const status of expected.statuses) statuses.set(status, (statuses.get(status) ?? 0) + 1);
              expect(await observe(embedded.url, { requests })).toEqual(expected);
            },
          ),
          { numRuns: RUNS, seed, examples: isNewer(binary ?? '') ? [[[FLOAT_HISTOGRAM]]] : [] },
        );
        // Not vacuous: pushes were stored, refused and deleted.
        for (const status of [200, 202, 400]) expect(statuses.get(status)).toBeGreaterThan(20);
      },
      180_000,
    );
  },
);
