import type { Labels } from './family.js';
import { parseNumber } from './number.js';

/** A line that the text format does not allow. `line` counts from 1. */
export class TextFormatError extends Error {
  readonly line: number;
  /** What is wrong, without the line's number. */
  readonly problem: string;

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = 'TextFormatError';
    this.line = line;
    this.problem = problem;
  }
}

const METRIC_NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const WORD = /[^ \t]*/y;
/** Up to the next thing of interest inside a label value. */
const PLAIN_VALUE = /[^"\\]*/y;
/** Reads one line of the text format from left to right; each method consumes what it returns. */
export class LineReader {
  readonly #text: string;
  readonly #line: number;
  #at = 0;

  constructor(text: string, line: number) {
    this.#text = text;
    this.#line = line;
  }

  error(problem: string): TextFormatError {
    return new TextFormatError(this.#line, problem);
  }

  atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  atBlank(): boolean {
    const char = this.#text[this.#at];
    return char === ' ' || char === '\t';
  }

  skipBlanks(): void {
    while (this.atBlank()) this.#at++;
  }

  take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  word(): string {
    return this.#match(WORD);
  }

  rest(): string {
    const rest = this.#text.slice(this.#at);
    this.#at = this.#text.length;
    return rest;
  }

  metricName(): string {
    const name = this.#match(METRIC_NAME);
    if (name === '') throw this.error('invalid metric name');
    return name;
  }

  helpText(): string {
    return this.rest().replace(/\\(.?)/g, (sequence, char: string) => {
      if (char === 'n') return '\n';
      if (char === '\\') return '\\';
      throw this.error(`invalid escape sequence "${sequence}" in the help text`);
    });
  }

  /** What stands after `{`, the closing `}` included. */
  labels(): Labels {
    const labels: [string, string][] = [];
    for (;;) {
      this.skipBlanks();
      if (this.take('}')) return labels;
      const name = this.#labelName(labels);
      labels.push([name, this.#labelValue(name)]);
      this.skipBlanks();
      if (this.take('}')) return labels;
      if (!this.take(',')) throw this.error(`expected "," or "}" after the value of label "${name}"`);
    }
  }

  value(): number {
    const text = this.word();
    const value = parseNumber(text);
    if (value !== undefined) return value;
    throw this.error(`expected a number as value, got "${text}"`);
  }

  timestamp(): number {
    this.skipBlanks();
    const text = this.word();
    if (!/^[+-]?\d+$/.test(text)) throw this.error(`expected an integer as timestamp, got "${text}"`);
    if (!this.atEnd()) throw this.error(`unexpected text after the timestamp: "${this.rest()}"`);
    return Number(text);
  }

  /** A label's name that is not among those before it, up to its value. */
  #labelName(before: Labels): string {
    const name = this.#match(LABEL_NAME);
    if (name === '') throw this.error('invalid label name');
    if (name === '__name__') throw this.error('label name "__name__" is reserved');
    if (before.some(([known]) => known === name)) throw this.error(`duplicate label name "${name}"`);
    this.skipBlanks();
    if (!this.take('=')) throw this.error(`expected "=" after label name "${name}"`);
    this.skipBlanks();
    if (!this.take('"')) throw this.error(`expected '"' at the start of the value of label "${name}"`);
    return name;
  }

  #labelValue(name: string): string {
    let value = this.#match(PLAIN_VALUE);
    for (;;) {
      if (this.take('"')) return value;
      if (!this.take('\\')) throw this.error(`the value of label "${name}" is not closed`);
      const char = this.#text[this.#at++];
      if (char === 'n') value += '\n';
      else if (char === '"' || char === '\\') value += char;
      else throw this.error(`invalid escape sequence "\\${char ?? ''}" in the value of label "${name}"`);
      value += this.#match(PLAIN_VALUE);
    }
  }

  #match(pattern: RegExp): string {
    const start = this.#at;
    pattern.lastIndex = start;
    if (pattern.test(this.#text)) this.#at = pattern.lastIndex;
    return this.#text.slice(start, this.#at);
  }
}
