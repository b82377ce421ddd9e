import { describeGroup } from './gateway/describe.js';
import { openGateway } from './gateway/gateway.js';

export interface TestGatewayOptions {
  /** Default: a free one. */
  readonly port?: number;
}

/** A group as a test looks at it. */
export interface TestGroup {
  /** `job` and the grouping labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Each sample's value by `name{label="value"}`, as `/metrics` would show it without the group's labels. */
  readonly samples: Readonly<Record<string, number>>;
}

export interface TestGateway {
  /** For `--gateway` or `PUSHGATEWAY_URL`. */
  readonly url: string;
  /** What it holds now. */
  groups(): readonly TestGroup[];
  /** Forgets all groups. */
  wipe(): void;
  close(): Promise<void>;
}

/**
 * Starts a Pushgateway for a test: in memory, on loopback, with the real one's rules.
 *
 * @throws the listen error when the port cannot be had.
 */
export async function startGateway({ port = 0 }: TestGatewayOptions = {}): Promise<TestGateway> {
  const gateway = await openGateway({ port });
  return {
    url: gateway.url,
    groups: () => gateway.groups().map(describeGroup),
    wipe: gateway.wipe,
    close: gateway.close,
  };
}
