#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { version } from './version.js';

// Answered here, since all else would only be loaded for nothing.
if (process.argv[2] === '--version' || process.argv[2] === '-V') printVersion();
else void import('./cli/process.js').then(({ runProcess }) => runProcess());

/** Past Node's own stream, which costs more to open than the rest of this takes. */
function printVersion(): void {
  const line = `${version}\n`;
  try {
    writeSync(1, line);
  } catch {
    // A pipe that is full, or a reader that went away.
    process.stdout.on('error', () => {});
    process.stdout.write(line);
  }
}
