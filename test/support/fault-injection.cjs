// Preloaded into the built command (`node -r`): counts the calls that it makes itself to the file system, timers,
// connections and its job's collector, and lets the one that FAULT_AT names throw, or reject, once. FAULT_LOG names
// the file that lists the calls.
const fs = require('node:fs');
const http = require('node:http');
const timers = require('node:timers/promises');
const zlib = require('node:zlib');

const at = Number(process.env.FAULT_AT ?? 0);
const calls = [];
/** The command guards its runs by listening to signals; what comes before that is not delivery. */
let counting = false;
const { on } = process;
process.on = function (event, listener) {
  counting ||= event === 'SIGTERM';
  return on.call(this, event, listener);
};
const { writeFileSync } = fs;

/** Whether the command's own code made the call, rather than Node's on its behalf. */
function isOwn() {
  const caller = new Error().stack.split('\n')[4] ?? '';
  return /dist\/parts\/(?!prom-client)|fault-job\.mjs/.test(caller);
}

/** The fault, if this is the call that is to have it. */
function faultAt(name) {
  if (!counting || !isOwn()) return undefined;
  calls.push(name);
  return calls.length === at
    ? Object.assign(new Error(`injected fault in ${name}`), { code: 'EFAULT' })
    : undefined;
}

function wrap(object, name, label = name) {
  const original = object[name];
  if (typeof original !== 'function') return;
  object[name] = Object.assign(function (...given) {
    const fault = faultAt(label);
    if (fault) throw fault;
    return original.apply(this, given);
  }, original);
}

for (const name of Object.keys(fs).filter((key) => /Sync$/.test(key))) wrap(fs, name, `fs.${name}`);
for (const name of ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval']) wrap(globalThis, name);
wrap(zlib, 'gzip');

const { request } = http;
http.request = function (...given) {
  const fault = faultAt('http.request');
  if (fault) throw fault;
  const made = request.apply(this, given);
  for (const name of ['on', 'end', 'destroy']) wrap(made, name, `request.${name}`);
  return made;
};

const pause = timers.setTimeout;
timers.setTimeout = (...given) => {
  const fault = faultAt('timers.setTimeout');
  return fault ? Promise.reject(fault) : pause(...given);
};

/** For the collector of a job module. */
globalThis.faultPoint = (name) => {
  const fault = faultAt(name);
  if (fault) throw fault;
};

process.on('exit', () => writeFileSync(process.env.FAULT_LOG, calls.join('\n')));
