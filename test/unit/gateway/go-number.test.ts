import { expect, test } from 'vitest';
import { formatGoFloat } from '../../../src/gateway/go-number.js';

// What Go 1.26's fmt.Sprint gives.
test.each([
  [0, '0'],
  [-0, '-0'],
  [0.5, '0.5'],
  [100_000, '100000'],
  [123_456, '123456'],
  [1e6, '1e+06'],
  [1_234_567, '1.234567e+06'],
  [12_345_678.5, '1.23456785e+07'],
  [1e21, '1e+21'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [5e-324, '5e-324'],
  [1_795_390_972.0029924, '1.7953909720029924e+09'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
])('%d is %s', (value, text) => {
  expect(formatGoFloat(value)).toBe(text);
});
