import { PrombatchError } from '../errors.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import { JobFailed } from '../outcome/outcome.js';
import type { ModuleJob } from './any-job.js';
import { defineJob, type Job } from './job.js';
import { loadJob, notLoaded } from './load-job.js';
import { openRegistry } from './open-registry.js';

/** A registry that is there before the module says which kind it is. */
interface LateRegistry extends MetricsSource {
  use(registry: MetricsSource): void;
}

/**
 * The job of a module that is loaded as part of its run, for whoever knows the job's name without the module: if the
 * module does not load, that is a failed run, with the exit code of a module that does not load.
 */
export function createModuleJob(name: string, specifier: string, cwd: string): ModuleJob {
  let loading = false;
  const load = async (signal: AbortSignal): Promise<Job<MetricsSource>> => {
    loading = true;
    try {
      return await Promise.race([loadJob(specifier, cwd), rejectOnAbort(signal)]);
    } catch (error) {
      throw error instanceof PrombatchError ? toFailure(error) : error;
    } finally {
      loading = false;
    }
  };
  const job = defineJob<LateRegistry>({
    name,
    createRegistry: createLateRegistry,
    async run(context) {
      const loaded = await load(context.signal);
      const registry = await openRegistry(loaded);
      context.registry.use(registry);
      return loaded.run({ ...context, registry });
    },
  });
  return {
    ...job,
    crashCause: (reason) => (loading ? toFailure(notLoaded(specifier, reason)) : reason),
  } as ModuleJob;
}

/** A module that loads takes no notice of being stopped, so nothing is gained by a grace period. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

function toFailure({ message, exitCode, hint, cause }: PrombatchError): JobFailed {
  return new JobFailed(message, { exitCode, cause, ...(hint === undefined ? {} : { hint }) });
}

function createLateRegistry(): LateRegistry {
  let registry: MetricsSource | undefined;
  return {
    use(opened) {
      registry = opened;
    },
    metrics: () => registry?.metrics() ?? '',
  };
}
