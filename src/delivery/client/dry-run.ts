import type { GatewayAddress } from '../http/gateway-address.js';
import { encodeBody, type GatewayClient } from './gateway-client.js';

/** Shows each push instead of sending it: method, decoded and raw URL, headers and the body as plain text. */
export function createDryRun(address: GatewayAddress, write: (text: string) => void): GatewayClient {
  return {
    target: address.display,
    close() {},
    // A dry run touches no gateway, so it shows what the first run of a group would push.
    readGroup: () => Promise.resolve([]),
    readGroups: () => Promise.resolve([]),
    async push(request) {
      const { headers, body } = await encodeBody(request);
      const url = address.display + request.path;
      const lines = [
        `${request.method} ${decodePath(url)}`,
        `raw URL: ${url}`,
        ...(address.credentials ? ['Authorization: Basic (hidden)'] : []),
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        `Content-Length: ${body.length}`,
        '',
        request.body,
      ];
      write(`${lines.join('\n')}\n`);
    },
  };
}

/** The path as people read it: base64url segments and percent escapes decoded. */
function decodePath(url: string): string {
  return url.replace(/@base64\/([A-Za-z0-9_-]+)/g, (_, encoded: string) => {
    return `/${Buffer.from(encoded, 'base64url').toString('utf8')}`;
  });
}
