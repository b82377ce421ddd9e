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
