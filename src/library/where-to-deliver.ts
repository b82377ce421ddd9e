import { resolve } from 'node:path';
import type { Credentials } from '../delivery/http/access.js';
import type { SpoolLimits } from '../delivery/spool/spool-limits.js';
import { UsageError } from '../errors.js';
import { batchSettings } from '../settings/batch-settings.js';
import { gatewayCredentials } from '../settings/credentials.js';
import { resolveSettings } from '../settings/setting.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The way into a gateway, as `runJob` and `pushMetrics` take it. What is not given comes from the environment. */
export interface GatewayOptions {
  /**
   * The Pushgateway: `host:port`, an http(s) URL, or `none`. Default: `PROMBATCH_GATEWAY`, `PUSHGATEWAY_URL`, else
   * `http://localhost:9091`.
   */
  readonly gateway?: string | undefined;
  /** For a gateway whose address has none. Default: `PUSHGATEWAY_USERNAME` and `PUSHGATEWAY_PASSWORD`. */
  readonly credentials?: Credentials | undefined;
  /** A file in the YAML form of Prometheus' `http_config`, or `false`. Default: `PROMBATCH_HTTP_CONFIG_FILE`. */
  readonly httpConfigFile?: string | false | undefined;
  /**
   * Receivers of remote write, such as `http://prometheus:9090/api/v1/write`. Without a gateway that is named, they are
   * the only targets. Default: `PROMBATCH_REMOTE_WRITE`.
   */
  readonly remoteWrite?: readonly string[] | undefined;
  /**
   * A file in the YAML form of Prometheus' `remote_write`, or `false`. Default: `PROMBATCH_REMOTE_WRITE_FILE`.
   */
  readonly remoteWriteFile?: string | false | undefined;
  /** What stands in for the environment; `{}` is none. Default: `process.env`. */
  readonly env?: Environment | undefined;
}

/** What is kept and written on this machine, as `runJob` takes it. */
export interface DiskOptions {
  /**
   * A folder in which the end push is kept until the gateway has it, or `false`. Default: `PROMBATCH_SPOOL`, unless
   * `PROMBATCH_NO_SPOOL` is true; else none.
   */
  readonly spool?: string | false | undefined;
  /** How much the spool may hold. Default: `PROMBATCH_SPOOL_LIMIT`, else 1,000 entries and 64 MiB. */
  readonly spoolLimit?: SpoolLimits | undefined;
  /**
   * A folder of node_exporter's textfile collector, to write the run's metrics to as well, or `false`. Default:
   * `PROMBATCH_TEXTFILE`.
   */
  readonly textfile?: string | false | undefined;
}

const { gateway, httpConfigFile, remoteWrite, remoteWriteFile } = batchSettings;
const { spool, noSpool, spoolLimit, textfile } = batchSettings;
const gatewaySettings = { gateway, httpConfigFile, remoteWrite, remoteWriteFile };
const diskSettings = { spool, noSpool, spoolLimit, textfile };

/** @throws UsageError for a variable that is malformed, and for the gateway that only the command can start. */
export function resolveGateway(given: GatewayOptions) {
  const env = visible(gatewaySettings, given, given.env ?? process.env);
  const values = resolveSettings(gatewaySettings, {}, env);
  const address = given.gateway ?? values.gateway;
  if (address === 'embedded') {
    throw new UsageError('gateway: expected an address or none, got "embedded"', {
      hint: "startGateway() of 'prombatch/testing' starts an embedded gateway and says its url",
    });
  }
  return {
    gateway: address,
    httpConfigFile: (given.httpConfigFile ?? values.httpConfigFile) || undefined,
    remoteWrite: given.remoteWrite ?? values.remoteWrite,
    remoteWriteFile: absolute(given.remoteWriteFile ?? values.remoteWriteFile),
    credentials: given.credentials ?? gatewayCredentials({ env: given.env ?? process.env }),
  };
}

/** The paths are absolute: a job may change this process' folder. */
export function resolveDisk(given: DiskOptions & Pick<GatewayOptions, 'env'>) {
  const env = visible(diskSettings, given, given.env ?? process.env);
  const values = resolveSettings(diskSettings, {}, env);
  return {
    spool: absolute(given.spool ?? (values.noSpool ? undefined : values.spool)),
    spoolLimit: given.spoolLimit ?? values.spoolLimit,
    textfile: absolute(given.textfile ?? values.textfile),
  };
}

/** The variables that no option stands in for: a malformed one that is not used breaks nothing. */
function visible(
  settings: Readonly<Record<string, { readonly env: readonly string[] }>>,
  given: object,
  env: Environment,
): Environment {
  const options: Readonly<Record<string, unknown>> = { ...given };
  const names = Object.entries(settings).flatMap(([name, setting]) =>
    options[name] === undefined ? setting.env : [],
  );
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}

function absolute(path: string | false | undefined): string | undefined {
  return path ? resolve(path) : undefined;
}
