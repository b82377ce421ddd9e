import { UsageError } from '../../errors.js';
import type { AnyJob } from '../../job/any-job.js';
import { createCommandJob } from '../../job/command/command-job.js';
import { commandName } from '../../job/command/command-name.js';
import { defineJob } from '../../job/job.js';
import type { Log } from '../../log.js';
import type { Host } from '../../process/host.js';
import type { BatchValues } from './run-options-of.js';

/**
 * The job that runs a command; for a dry run one that does nothing and succeeds.
 *
 * @throws UsageError where there is no command, or no name for it.
 */
export function resolveCommandJob(
  host: Host,
  argv: readonly string[],
  values: Pick<BatchValues, 'job' | 'grouping' | 'dryRun'>,
  log: Log,
): AnyJob {
  if (argv.length === 0) {
    throw new UsageError('expected a command to run', {
      hint: 'put it behind --, as in: -- backup.sh --full',
    });
  }
  refuseLossyArguments(argv);
  const name = values.job ?? nameOf(argv);
  if (host.pid === 1) {
    log.warn('prombatch is process 1 and does not reap the zombies that a command may leave', {
      event: 'no_init',
      hint: 'put an init in front, such as tini: tini -- prombatch exec -- …',
    });
  }
  if (values.dryRun) return successOf(name);
  return createCommandJob({
    name,
    argv,
    env: host.env,
    groupLabels: new Map([['job', name], ...values.grouping]),
  });
}

/** Node reads arguments as UTF-8 and nothing else: what was something else would name another file. */
function refuseLossyArguments(argv: readonly string[]): void {
  const lossy = argv.find((argument) => argument.includes('\uFFFD'));
  if (lossy === undefined) return;
  throw new UsageError(`expected a command in UTF-8, got ${JSON.stringify(lossy)}`, {
    hint: 'other bytes cannot be passed on unchanged: put the command into a script',
  });
}

function nameOf(argv: readonly string[]): string {
  const name = commandName(argv);
  if (name !== undefined) return name;
  throw new UsageError(
    `--job: expected a name for the job, which ${JSON.stringify(argv.join(' '))} does not tell`,
  );
}

/** What a dry run shows of a command, which it never runs. */
function successOf(name: string): AnyJob {
  return defineJob({ name, createRegistry: () => ({ metrics: () => '' }), run: () => undefined });
}
