import { expect, test } from 'vitest';
import { withDeadline } from '../../../../src/delivery/deadline.js';
import { PushTimedOut, PushUnreachable } from '../../../../src/delivery/http/push-error.js';
import { tryAgain } from '../../../../src/delivery/http/try-again.js';
import { silentLog } from '../../../../src/log.js';

const timedOut = () => new PushTimedOut('PUSH_TIMED_OUT', 'did not answer in time', { retryable: true });
const unreachable = () => new PushUnreachable('PUSH_UNREACHABLE', 'nothing listens', { retryable: true });

/** Fails as the list says, and with its last from then on, until the deadline. */
const failing = (totalMs: number, ...errors: (() => Error)[]) => {
  let tries = 0;
  return withDeadline(totalMs, (deadline) =>
    tryAgain(
      async () => (errors[tries++] ?? errors.at(-1) ?? timedOut)() as PushTimedOut,
      { deadline },
      silentLog,
    ),
  );
};

test('a last try that the deadline cuts short does not hide why the tries before it failed', async () => {
  await expect(failing(1000, unreachable, timedOut)).rejects.toThrow(
    /^nothing listens; gave up after \d+ tries/,
  );
});

test('a server that never answered did not answer in time', async () => {
  await expect(failing(400, timedOut)).rejects.toThrow(/^did not answer in time/);
});
