import type { Series, TimedValue } from './series.js';

/*
 * The protocol buffers of remote write 1.0, by hand: four messages of six fields. protobufjs/minimal with snappyjs would
 * cost a short process 10 ms to load, more than both requests of a run take.
 *
 *   WriteRequest { repeated TimeSeries timeseries = 1; }
 *   TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
 *   Label { string name = 1; string value = 2; }
 *   Sample { double value = 1; int64 timestamp = 2; }
 */

/** The tag of field 1 or 2 whose content has a length before it. */
const MESSAGE_1 = 0x0a;
const MESSAGE_2 = 0x12;
const DOUBLE_1 = 0x09;
const VARINT_2 = 0x10;

/** A WriteRequest with these series. */
export function encodeWriteRequest(all: readonly Series[]): Uint8Array {
  const sizes = all.map(seriesSize);
  const writer = new Writer(sizes.reduce((sum, size) => sum + fieldSize(size), 0));
  all.forEach(({ labels, samples }, index) => {
    writer.message(MESSAGE_1, sizes[index] ?? 0);
    for (const [name, value] of labels) {
      writer.message(MESSAGE_1, labelSize(name, value));
      writer.text(MESSAGE_1, name);
      writer.text(MESSAGE_2, value);
    }
    for (const sample of samples) {
      writer.message(MESSAGE_2, sampleSize(sample));
      writer.double(DOUBLE_1, sample.value);
      writer.varintField(VARINT_2, sample.timeMs);
    }
  });
  return writer.bytes;
}

function seriesSize({ labels, samples }: Series): number {
  const labelled = labels.reduce((sum, [name, value]) => sum + fieldSize(labelSize(name, value)), 0);
  return samples.reduce((sum, sample) => sum + fieldSize(sampleSize(sample)), labelled);
}

function labelSize(name: string, value: string): number {
  return fieldSize(Buffer.byteLength(name)) + fieldSize(Buffer.byteLength(value));
}

function sampleSize({ timeMs }: TimedValue): number {
  return 9 + 1 + varintSize(timeMs);
}

/** Of a field with so many bytes of content, with its tag and its length. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes `value`, a whole number from 0 to 2⁵³, in groups of seven bits, the lowest first; returns where it ends. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let end = at;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 128;
  bytes[end++] = rest;
  return end;
}

class Writer {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  message(tag: number, length: number): void {
    this.varintField(tag, length);
  }

  text(tag: number, text: string): void {
    this.varintField(tag, Buffer.byteLength(text));
    this.#at += this.bytes.write(text, this.#at, 'utf8');
  }

  double(tag: number, value: number): void {
    this.bytes[this.#at] = tag;
    this.#at = this.bytes.writeDoubleLE(value, this.#at + 1);
  }

  varintField(tag: number, value: number): void {
    this.bytes[this.#at] = tag;
    this.#at = writeVarint(this.bytes, this.#at + 1, value);
  }
}
