import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createGroupingKey } from '../../../../src/delivery/grouping-key.js';
import { type Entry, planTimes } from '../../../../src/delivery/remote-write/entry/entry.js';
import { readEntry, writeEntry } from '../../../../src/delivery/remote-write/entry/read-entry.js';
import {
  inRequests,
  lastKnownSeries,
  outcomeSeries,
  ownSeries,
  rejectedSeries,
  startSeries,
} from '../../../../src/delivery/remote-write/entry/requests.js';
import {
  mergeSeries,
  type Series,
  seriesKey,
  seriesLabels,
} from '../../../../src/delivery/remote-write/wire/series.js';
import { encodeWriteRequest } from '../../../../src/delivery/remote-write/wire/write-request.js';
import { writeFamilies } from '../../../../src/exposition/write.js';
import {
  loneOutcomeFamilies,
  outcomeFamilies,
  SUCCESS_FAMILY_NAMES,
} from '../../../../src/outcome/batch-metrics.js';
import type { RunOutcome } from '../../../../src/outcome/outcome.js';

const key = createGroupingKey('import', [
  ['zone', 'b'],
  ['Area', 'a'],
]);
const outcome: RunOutcome = {
  status: 'succeeded',
  startedAtMs: 1000,
  completedAtMs: 5000,
  durationSeconds: 4,
  exitCode: 0,
  recordsProcessed: 7,
  stages: [['fetch', 1.5]],
};
const families = outcomeFamilies(outcome, { metricsRejected: false, dueAtMs: 9000 });
const entry = (own = '', begun: Entry['begun'] = []): Entry => ({
  key,
  startedAtMs: 1000,
  startStored: false,
  outcome: writeFamilies(families.filter(({ name }) => !name.includes('last_start'))),
  outcomeAlone: writeFamilies(
    loneOutcomeFamilies(outcome, { metricsRejected: true }).filter(
      ({ name }) => !name.includes('last_start'),
    ),
  ),
  own,
  begun,
});
const times = { startMs: 1000, endMs: 5000 };
const shown = (all: Iterable<Series>): Record<string, string> =>
  Object.fromEntries(
    [...all].map(({ labels, samples }) => [
      labels
        .filter(([name]) => !['Area', 'zone', 'job', 'delivery'].includes(name))
        .map(([name, value]) => (name === '__name__' ? value : `${name}=${value}`))
        .join(' '),
      samples.map(({ timeMs, value }) => `${value}@${timeMs}`).join(' '),
    ]),
  );

describe('the series of a run', () => {
  test('carry the group and the road, by label name, without empty labels and without an instance', () => {
    const labels = seriesLabels(key, {
      name: 'rows_total',
      labels: [
        ['kind', ''],
        ['Big', 'x'],
      ],
    });
    expect(labels).toEqual([
      ['Area', 'a'],
      ['Big', 'x'],
      ['__name__', 'rows_total'],
      ['delivery', 'remote_write'],
      ['job', 'import'],
      ['zone', 'b'],
    ]);
  });

  test.each([
    ['a grouping label', 'rows', [['zone', 'x']], /"zone", which prombatch sets itself/],
    ['the road’s label', 'rows', [['delivery', 'x']], /"delivery", which prombatch sets itself/],
    ['an invalid metric name', 'no-name', [], /"no-name" is no metric name/],
    ['an invalid label name', 'rows', [['no-label', 'x']], /"no-label" is no label name/],
  ] as const)('are refused with %s', (_title, name, labels, message) => {
    expect(() => seriesLabels(key, { name, labels })).toThrow(message);
  });

  test('are the start at its own time, and the outcome at the completion', () => {
    expect(shown(startSeries(entry(), 1000))).toEqual({ batch_job_last_start_timestamp_seconds: '1@1000' });
    const all = shown(outcomeSeries(entry(), times));
    expect(all).toMatchObject({
      batch_job_last_completion_timestamp_seconds: '5@5000',
      batch_job_last_success_timestamp_seconds: '5@5000',
      batch_job_success_due_timestamp_seconds: '9@5000',
      batch_job_success: '1@5000',
      batch_job_records_processed: '7@5000',
      'batch_job_stage_duration_seconds stage=fetch': '1.5@5000',
      batch_job_metrics_rejected: '0@5000',
    });
    for (const samples of Object.values(all)) expect(samples).toMatch(/^[^ ]+@5000$/);
    expect(shown(rejectedSeries(entry(), times))).toEqual({ batch_job_metrics_rejected: '1@5001' });
  });

  test('are the times alone for a receiver that refused the rest', () => {
    const known = (which: { run: boolean; success: boolean }) =>
      shown(lastKnownSeries(entry(), 8000, which, SUCCESS_FAMILY_NAMES));
    expect(known({ run: true, success: true })).toEqual({
      batch_job_last_start_timestamp_seconds: '1@8000',
      batch_job_last_completion_timestamp_seconds: '5@8000',
      batch_job_last_success_timestamp_seconds: '5@8000',
      batch_job_success_due_timestamp_seconds: '9@8000',
    });
    expect(Object.keys(known({ run: false, success: true }))).toEqual([
      'batch_job_last_success_timestamp_seconds',
      'batch_job_success_due_timestamp_seconds',
    ]);
    expect(known({ run: false, success: false })).toEqual({});
  });
});

describe('the job’s own series', () => {
  const own =
    '# TYPE rows counter\nrows 3\n# TYPE temp gauge\ntemp 2\n# TYPE took histogram\ntook_bucket{le="+Inf"} 1\ntook_sum 4\ntook_count 1\n' +
    '# TYPE size summary\nsize{quantile="0.5"} 9\nsize_sum 9\nsize_count 1\nplain 5\n';

  test('are counts after a 0, and everything else once', () => {
    expect(shown(ownSeries(entry(own), times))).toEqual({
      rows: '0@4999 3@5000',
      temp: '2@5000',
      'took_bucket le=+Inf': '0@4999 1@5000',
      took_sum: '0@4999 4@5000',
      took_count: '0@4999 1@5000',
      'size quantile=0.5': '9@5000',
      size_sum: '0@4999 9@5000',
      size_count: '0@4999 1@5000',
      plain: '5@5000',
    });
  });

  test('that an update began have no second 0, or the same one where its answer was lost', () => {
    const id = (name: string) => seriesKey(seriesLabels(key, { name, labels: [] }));
    const begun: Entry['begun'] = [
      [id('rows'), null],
      [id('size_sum'), 2999],
    ];
    expect(shown(ownSeries(entry(own, begun), times))).toMatchObject({
      rows: '3@5000',
      size_sum: '0@2999 9@5000',
      size_count: '0@4999 1@5000',
    });
  });

  test.each([
    ['the same labels twice', 'rows 1\nrows 2\n', /"rows" has the same labels twice/],
    ['the same but for an empty label', 'rows 1\nrows{kind=""} 2\n', /"rows" has the same labels twice/],
    ['a timestamp', 'rows 1 123\n', /"rows" has a timestamp/],
    ['no text format', 'rows one\n', /line 1/],
  ])('are refused with %s', (_title, text, message) => {
    expect(() => [...ownSeries(entry(text), times)]).toThrow(message);
  });

  test('of 100,000 go out in requests of 2,000, one after another', () => {
    const text = Array.from({ length: 100_000 }, (_, index) => `rows{n="${index}"} ${index}\n`).join('');
    let requests = 0;
    let series = 0;
    let largest = 0;
    for (const chunk of inRequests(ownSeries(entry(`# TYPE rows counter\n${text}`), times))) {
      requests++;
      series += chunk.length;
      largest = Math.max(largest, encodeWriteRequest(chunk).length);
    }
    expect({ requests, series }).toEqual({ requests: 50, series: 100_000 });
    expect(largest).toBeLessThan(400_000);
  });
});

describe('times', () => {
  const time = fc.integer({ min: 0, max: 100_000 });

  test('follow the newest that were given, and are the run’s own otherwise', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(time, time), { minLength: 1, maxLength: 20 }), (runs) => {
        let given = { newestMs: 0, newestStartMs: 0 };
        const taken = new Set<number>();
        for (const [startedAtMs, completedAtMs] of runs) {
          const planned = planTimes({ startedAtMs, completedAtMs }, given);
          expect(planned.endMs).toBe(Math.max(completedAtMs, given.newestMs + 2));
          expect(planned.startMs).toBe(Math.max(startedAtMs, given.newestStartMs + 1));
          for (const ms of [planned.endMs, planned.endMs - 1]) {
            expect(taken.has(ms)).toBe(false);
            taken.add(ms);
          }
          given = { newestMs: planned.endMs, newestStartMs: planned.startMs };
        }
      }),
    );
  });
});

test('series of the same labels become one, its samples by time and each once', () => {
  const labels = [['__name__', 'a']] as const;
  const at = (timeMs: number) => ({ labels, samples: [{ value: timeMs, timeMs }] });
  expect(mergeSeries([at(3), at(1), at(3)])).toEqual([
    {
      labels,
      samples: [
        { value: 1, timeMs: 1 },
        { value: 3, timeMs: 3 },
      ],
    },
  ]);
});

describe('an entry on the disk', () => {
  test('is read as it was written', () => {
    const given = entry('rows 1\n', [
      ['x', null],
      ['y', 5],
    ]);
    expect(readEntry(writeEntry(given))).toEqual({ entry: given });
  });

  test.each([
    ['cut short', (text: string) => text.slice(0, 40)],
    ['of another form', () => '{"format":1,"entry":{}}'],
    ['without its outcome', (text: string) => text.replace('"outcome":', '"other":')],
    ['with a grouping label of the road', (text: string) => text.replace('"Area"', '"delivery"')],
    [
      'with an outcome that is no text format',
      (text: string) => text.replace('batch_job_success 1', 'batch job'),
    ],
  ])('that is damaged (%s) is told', (_title, damage) => {
    expect(readEntry(damage(writeEntry(entry())))).toHaveProperty('damaged');
  });

  test('of a later version is told', () => {
    expect(readEntry(writeEntry(entry()).replace('"format":1', '"format":2'))).toEqual({ later: 2 });
  });
});
