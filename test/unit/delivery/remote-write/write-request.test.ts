import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Series } from '../../../../src/delivery/remote-write/wire/series.js';
import { encodeSnappy } from '../../../../src/delivery/remote-write/wire/snappy.js';
import { encodeWriteRequest } from '../../../../src/delivery/remote-write/wire/write-request.js';
import { decodeWriteRequest } from '../../../support/remote-write.js';

const anyText = fc.string({ unit: 'grapheme', maxLength: 300 });
const anySeries: fc.Arbitrary<Series> = fc.record({
  labels: fc.array(fc.tuple(anyText, anyText), { maxLength: 8 }),
  samples: fc.array(
    fc.record({
      value: fc.double(),
      timeMs: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1)),
    }),
    { maxLength: 5 },
  ),
});

const decoded = ({ labels, samples }: Series) => ({
  labels,
  samples: samples.map(({ timeMs, value }) => [timeMs, value]),
});

test('an independent decoder reads what was encoded, label for label and bit for bit', () => {
  fc.assert(
    fc.property(fc.array(anySeries, { maxLength: 20 }), (all) => {
      expect(decodeWriteRequest(encodeSnappy(encodeWriteRequest(all)))).toEqual(all.map(decoded));
    }),
    { numRuns: 300 },
  );
});

test.each([0, 1, 60, 61, 256, 257, 65_535, 65_536, 65_537, 1_000_000])(
  'an independent decoder unpacks %i bytes',
  async (length) => {
    const { uncompress } = await import('snappyjs');
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 7919) % 251));
    expect(Buffer.compare(Buffer.from(uncompress(encodeSnappy(bytes))), bytes)).toBe(0);
  },
);
