import { once } from 'node:events';
import { createServer } from 'node:http';
import protobuf from 'protobufjs';
import { uncompress } from 'snappyjs';

/** As `prompb/remote.proto` and `prompb/types.proto` of Prometheus have it, less what remote write 1.0 leaves out. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
`);
const writeRequest = root.lookupType('WriteRequest');

export interface DecodedSeries {
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly samples: readonly (readonly [timeMs: number, value: number])[];
}

interface PlainRequest {
  readonly timeseries?: readonly {
    readonly labels?: readonly { readonly name: string; readonly value: string }[];
    readonly samples?: readonly { readonly value: number; readonly timestamp: number }[];
  }[];
}

/** A request of remote write as independent decoders read it: protobufjs, and snappyjs. */
export function decodeWriteRequest(body: Uint8Array): DecodedSeries[] {
  const plain = writeRequest.toObject(writeRequest.decode(uncompress(body)), {
    longs: Number,
    defaults: true,
  }) as PlainRequest;
  return (plain.timeseries ?? []).map(({ labels = [], samples = [] }) => ({
    labels: labels.map(({ name, value }) => [name, value] as const),
    samples: samples.map(({ timestamp, value }) => [timestamp, value] as const),
  }));
}

/** A receiver that takes everything, and remembers each request as independent decoders read it. */
export interface Collector {
  readonly url: string;
  readonly requests: readonly (readonly DecodedSeries[])[];
  /** All samples of a series that has these labels beside those of its group. */
  samples(
    name: string,
    labels?: Readonly<Record<string, string>>,
  ): (readonly [timeMs: number, value: number])[];
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const requests: DecodedSeries[][] = [];
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests.push(decodeWriteRequest(Buffer.concat(chunks)));
      answer.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/api/v1/write`,
    requests,
    samples: (name, labels = {}) =>
      requests.flat().flatMap((series) => {
        const held = new Map(series.labels);
        const same = Object.entries(labels).every(([label, value]) => held.get(label) === value);
        return held.get('__name__') === name && same ? series.samples : [];
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
