// A module of its own, so that a connection loads only what it speaks: a bundled import is a plain require,
// while a dynamic import of node:http itself would start the ES module loader, at 5 ms.
export { Agent, request } from 'node:http';
