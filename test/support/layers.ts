/** A place in `src/`: files or folders, and what is found there. */
export interface Layer {
  readonly places: readonly string[];
  readonly what: string;
}

/**
 * The layers of `src/` from the edge to the base. A file may import from its own layer and from those below; `job/` and
 * `delivery/` never import each other. The map in CONTRIBUTING.md is made from this table.
 */
export const LAYERS: readonly Layer[] = [
  { places: ['main.ts'], what: 'where the process begins: `--version`, or the command line' },
  {
    places: ['cli/'],
    what: 'the command line: the process with its streams and exit code, which command, its flags, its help',
  },
  { places: ['commands/'], what: 'one file a command' },
  {
    places: ['commands/steps/'],
    what: 'what commands share: find the job, open the gateway, run once',
  },
  { places: ['index.ts', 'testing.ts'], what: 'what the package exports' },
  {
    places: ['library/'],
    what: "the package's functions: their options are checked as the command line's, and the environment is read",
  },
  { places: ['schedule/'], what: 'runs again and again: ticks, the scheduler, its metrics and pages' },
  { places: ['run/'], what: 'one run: its options, its targets, the job, what became of it, the exit code' },
  {
    places: ['doctor/diagnose.ts', 'doctor/report.ts'],
    what: 'what is wrong: the table of checks, and the findings in words',
  },
  { places: ['doctor/read/'], what: 'what a gateway, receivers, a Prometheus and this host tell' },
  {
    places: ['doctor/checks/'],
    what: 'one file a kind of check: each judges what was read, and reads nothing',
  },
  { places: ['doctor/'], what: 'what was read, as plain data, and what a finding is' },
  {
    places: ['removal/'],
    what: 'groups that nobody needs: which may go, how they go, and what became of them',
  },
  { places: ['settings/'], what: 'flags and environment variables, and how they are read' },
  { places: ['gateway/'], what: 'the embedded Pushgateway' },
  { places: ['gateway/page/'], what: 'the page of jobs, of the embedded gateway and of `status --serve`' },
  {
    places: ['delivery/delivery.ts', 'delivery/gateway-target.ts'],
    what: "a run's targets as one, and the target of a gateway",
  },
  { places: ['delivery/textfile/'], what: "the target of node_exporter's textfile collector" },
  {
    places: ['delivery/remote-write/'],
    what: 'the target of a receiver of remote write: its requests, what waits for it',
  },
  { places: ['delivery/spool/'], what: 'what waits on disk until the gateway has it' },
  {
    places: ['delivery/push/'],
    what: "one end push: the entry, what a 400 does, pushes beside the job, checks of the job's metrics",
  },
  { places: ['delivery/client/'], what: "the Pushgateway's HTTP API: push, read a group, retry, dry run" },
  { places: ['delivery/target.ts'], what: 'what a target is' },
  { places: ['delivery/http/'], what: 'connections, name lookup, TLS, proxies, credentials, typed errors' },
  {
    places: ['delivery/grouping-key.ts', 'delivery/deadline.ts', 'delivery/give-way.ts'],
    what: 'the grouping key and its path; deadlines; work in slices',
  },
  { places: ['job/command/'], what: 'a command as a job: processes, signals, its metrics file' },
  { places: ['job/'], what: 'what a job is, how it is run, when it is due' },
  {
    // Above the batch metrics, which it reads; below all that shows it. The browser runs it, so nothing of Node is in it.
    places: ['status/'],
    what: 'one view of a job, from what a gateway holds of it: facts, order, words',
  },
  { places: ['outcome/'], what: 'how a run ended, and the batch metrics: one table' },
  { places: ['process/'], what: 'signals, how the process ends, stderr, the progress bar' },
  { places: ['metrics-server.ts'], what: 'a small HTTP server for metrics and health' },
  { places: ['exposition/'], what: 'the text format: read, write, add up' },
  { places: ['files/'], what: 'files that are written whole or not at all, and the lock' },
  { places: ['log.ts'], what: 'the log, as text or JSON' },
  {
    places: [
      'errors.ts',
      'exit-codes.ts',
      'clock.ts',
      'duration.ts',
      'timezone.ts',
      'redact.ts',
      'version.ts',
    ],
    what: 'errors with hints, exit codes, clocks, durations, time zones, hiding secrets',
  },
];

/** The layer of a file below `src/`: the most exact place that holds it. */
export function layerOf(file: string): number {
  const [best] = LAYERS.flatMap(({ places }, layer) => places.map((place) => ({ place, layer })))
    .filter(({ place }) => file === place || (place.endsWith('/') && file.startsWith(place)))
    .sort((a, b) => b.place.length - a.place.length);
  return best?.layer ?? -1;
}

/** The table as CONTRIBUTING.md has it. */
export function layersTable(): string {
  const rows = LAYERS.map(
    ({ places, what }) => `| ${places.map((place) => `\`${place}\``).join(', ')} | ${what} |`,
  );
  return ['| in `src/` | what is there |', '|---|---|', ...rows].join('\n');
}
