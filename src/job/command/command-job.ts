import type { Log } from '../../log.js';
import { withoutUserinfo } from '../../redact.js';
import type { CommandContext, CommandJob, CommandResult } from '../any-job.js';
import { defineJob } from '../job.js';
import { StoppedBySignal } from '../stop-reason.js';
import { type RunningCommand, startCommand } from './command.js';
import { type MetricsFile, openMetricsFile } from './metrics-file.js';

export interface CommandJobOptions {
  readonly name: string;
  /** The command and its arguments. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The group's labels with their values, which the command's own metrics must not carry. */
  readonly groupLabels: ReadonlyMap<string, string>;
}

/** What says which job this is, how often it runs, and how to get into its gateway: none of a child's business. */
const NOT_INHERITED = [
  'PROMBATCH_JOB',
  'PROMBATCH_GROUPING',
  'PROMBATCH_EXPECTED_INTERVAL',
  'PUSHGATEWAY_PASSWORD',
  'PROMBATCH_REMOTE_WRITE',
] as const;

/** A password may stand in one of these, too. */
const GATEWAY_ADDRESSES = ['PROMBATCH_GATEWAY', 'PUSHGATEWAY_URL'] as const;

const SHOWN_PROBLEMS = 5;
const IGNORED = { event: 'job_report_ignored' };

/**
 * A command as a job. Its exit code is the job's; its metrics are what it appends to the file that
 * `PROMBATCH_METRICS_FILE` names. What it leaves running when it ends by itself is left alone, as a shell leaves
 * it; what is left after it was asked to stop is killed with it when the grace period is over.
 */
export function createCommandJob({ name, argv, env, groupLabels }: CommandJobOptions): CommandJob {
  let running: RunningCommand | undefined;

  const run = async (context: CommandContext<MetricsFile>): Promise<CommandResult> => {
    const { registry: file, signal, log, onGraceOver, workDone } = context;
    if (signal.aborted) {
      file.close();
      throw signal.reason;
    }
    const command = startCommand({ argv, env: childEnv(env, file.path) });
    running = command;
    onGraceOver(() => {
      command.kill();
      log.warn(`${name} did not end within its grace period, and was killed`, { event: 'job_grace_over' });
    });
    signal.addEventListener('abort', () => command.passOn(stopSignal(signal)), { once: true });
    const exit = await command.ended;
    if (signal.aborted) await command.allGone();
    running = undefined;
    workDone();
    return { exit, ...readMetrics(file, log.warn) };
  };

  const job = defineJob<MetricsFile>({
    name,
    createRegistry: () => openMetricsFile(groupLabels),
    run: (context) => run(context as CommandContext<MetricsFile>),
  });
  return { ...(job as unknown as CommandJob), passOn: (signal) => running?.passOn(signal) };
}

function childEnv(env: CommandJobOptions['env'], metricsFile: string): CommandJobOptions['env'] {
  const inherited = Object.entries(env).filter(([name]) => !NOT_INHERITED.some((other) => other === name));
  const addresses = GATEWAY_ADDRESSES.flatMap((name) =>
    env[name] ? [[name, withoutUserinfo(env[name])]] : [],
  );
  return {
    ...Object.fromEntries([...inherited, ...addresses]),
    PROMBATCH_METRICS_FILE: metricsFile,
  };
}

function stopSignal({ reason }: AbortSignal): NodeJS.Signals {
  return reason instanceof StoppedBySignal ? (reason.signal as NodeJS.Signals) : 'SIGTERM';
}

function readMetrics(
  file: MetricsFile,
  warn: Log['warn'],
): { recordsProcessed?: number; metricsRejected: boolean } {
  const { problems, rejected, ...records } = file.close();
  for (const problem of problems.slice(0, SHOWN_PROBLEMS))
    warn(`the command's own metrics: ${problem}`, IGNORED);
  const more = problems.length - SHOWN_PROBLEMS;
  if (more > 0)
    warn(`the command's own metrics: ${more} more such ${more === 1 ? 'line' : 'lines'}`, IGNORED);
  return { ...records, metricsRejected: rejected };
}
