import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeThrown, UsageError } from '../errors.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import { hideLoaderWarnings } from '../process/loader-warnings.js';
import { isJob, type Job } from './job.js';
import { loadHint } from './load-hint.js';

/**
 * The job that a module exports by default.
 *
 * @param specifier a file's path, relative to `cwd` or absolute.
 * @throws UsageError when the file is missing, does not load, or exports no job.
 */
export async function loadJob(specifier: string, cwd: string): Promise<Job<MetricsSource>> {
  const path = resolve(cwd, specifier);
  if (!existsSync(path))
    throw new UsageError(`module: expected a file with a job, and there is no ${specifier}`);
  const module = await importModule(specifier, path);
  // A CommonJS module's exports arrive as the default; compiled ones keep theirs below it.
  const candidates = [module.default, (module.default as { default?: unknown } | undefined)?.default];
  const job = candidates.find(isJob);
  if (job) return job;
  const found = 'default' in module ? `a default export that is none` : 'no default export';
  throw new UsageError(`module: expected ${specifier} to export a job by default, got ${found}`, {
    hint: "export default defineJob({ name, run }), with defineJob from 'prombatch'",
  });
}

async function importModule(specifier: string, path: string): Promise<Record<string, unknown>> {
  hideLoaderWarnings();
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    throw notLoaded(specifier, error, loadHint(specifier, path, error));
  }
}

/** The error of a module that does not load because of `reason`. */
export function notLoaded(specifier: string, reason: unknown, hint?: string): UsageError {
  return new UsageError(`module: ${specifier} does not load: ${describeLoadError(reason)}`, {
    cause: reason,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The message with the place, where the stack names a module. */
function describeLoadError(error: unknown): string {
  const message = describeThrown(error).split('\n')[0] ?? '';
  const place = error instanceof Error && /file:\/\/([^\s()]+:\d+(?::\d+)?)/.exec(error.stack ?? '')?.[1];
  return place && !message.includes(place) ? `${message} (${place})` : message;
}
