// The floor of a run by remote write alone: its three requests by node:http with ready bytes of their sizes.
const http = require('node:http');
const [host, port] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });
const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy' };
const write = (bytes) =>
  new Promise((resolve, reject) => {
    const options = { agent, host, port, method: 'POST', path: '/api/v1/write' };
    const request = http.request({ ...options, headers: { ...headers, 'Content-Length': bytes } });
    request.on('response', (response) => response.resume().on('end', resolve));
    request.on('error', reject).end(Buffer.alloc(bytes));
  });
write(127)
  .then(() => write(923))
  .then(() => write(3059))
  .then(() => agent.destroy());
