import type { Command } from '../commands/steps/command.js';

/** What the help shows of a command; what it does is loaded when it is called. */
export interface CommandEntry {
  readonly name: string;
  /** Positional arguments as commander writes them: `[module]`. */
  readonly arguments?: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    arguments: '[module]',
    summary: 'run a job once and push its metrics; without a module: the sample job',
    load: async () => (await import('../commands/run.js')).run,
  },
  {
    name: 'exec',
    arguments: '[command...]',
    summary: 'run any command as a batch job and push how it went',
    load: async () => (await import('../commands/exec.js')).exec,
  },
  {
    name: 'schedule',
    arguments: '<cron> [module]',
    summary: 'run a job on a schedule in this process; a command behind --',
    load: async () => (await import('../commands/schedule.js')).schedule,
  },
  {
    name: 'status',
    summary: 'how the jobs on a gateway are: outcome, last success, due, duration',
    load: async () => (await import('../commands/status.js')).status,
  },
  {
    name: 'delete',
    summary: "remove a job's group from the gateway",
    load: async () => (await import('../commands/delete.js')).deleteCommand,
  },
  {
    name: 'prune',
    summary: 'remove groups that were not pushed for long',
    load: async () => (await import('../commands/prune.js')).prune,
  },
  {
    name: 'flush',
    summary: 'send what is spooled',
    load: async () => (await import('../commands/flush.js')).flush,
  },
  {
    name: 'doctor',
    summary: 'why is my job not in Prometheus?',
    load: async () => (await import('../commands/doctor.js')).doctor,
  },
  {
    name: 'gateway',
    summary: 'an embedded, in-memory Pushgateway for development and tests',
    load: async () => (await import('../commands/gateway.js')).gateway,
  },
  {
    name: 'serve',
    summary: "the tutorial's pull mode: the sample in a loop, for Prometheus to scrape at /metrics",
    load: async () => (await import('../commands/serve.js')).serve,
  },
];
