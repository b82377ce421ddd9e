import { describe, expect, test } from 'vitest';
import { parseGatewayAddress } from '../../../../src/delivery/http/gateway-address.js';

describe('parseGatewayAddress', () => {
  test.each([
    ['localhost:9091', 'http://localhost:9091', ''],
    ['http://gateway', 'http://gateway', ''],
    ['gw:80', 'http://gw', ''],
    ['us%2Fer:p@w:1@gw:9091/prefix', 'http://gw:9091/prefix', '/prefix'],
    ['http://gw:9091/', 'http://gw:9091', ''],
    ['https://gw/push/gateway/', 'https://gw/push/gateway', '/push/gateway'],
    ['http://[::1]:9091', 'http://[::1]:9091', ''],
    ['[::1]:9091', 'http://[::1]:9091', ''],
    ['user:pw@gw:9091', 'http://gw:9091', ''],
    ['  gw:9091\n', 'http://gw:9091', ''],
    ['HTTP://GW:80/', 'http://gw', ''],
  ])('%j is shown as %s', (text, display, pathPrefix) => {
    expect(parseGatewayAddress(text)).toMatchObject({ display, pathPrefix });
  });

  test.each([
    ['http://[::1]:9091', { hostname: '::1', port: 9091 }],
    ['https://gw', { hostname: 'gw', port: 443, protocol: 'https:' }],
    ['http://a%40b:p%3Aw@gw', { credentials: { username: 'a@b', password: 'p:w' } }],
  ])('%s', (text, expected) => {
    expect(parseGatewayAddress(text)).toMatchObject(expected);
  });

  test.each([
    '',
    'ftp://x',
    'http://',
    'http://a b',
    'gw:99999',
    'gw:0',
    'http://gw?x=1',
    'http://gw#x',
    'http:\\\\gw',
    '::1',
    '9091',
    'https:/gw:9091',
    'http:gw',
  ])('%j is refused', (text) => {
    expect(() => parseGatewayAddress(text)).toThrow('gateway: expected host:port or an http(s) URL');
  });

  test.each(['localhost', 'gw/prefix', 'me:1234@gw', '[::1]', 'me:1@gw/a:1/'])(
    '%j has no port, which is refused: at port 80 is no Pushgateway',
    (text) => {
      expect(() => parseGatewayAddress(text)).toThrow(/localhost:9091 with a port, got /);
    },
  );

  test.each(['http://me:pass/word@gw:9091', 'me:1/word@gw:9091'])(
    '%s would show a part of the password as a path, which is refused',
    (text) => {
      expect(() => parseGatewayAddress(text)).toThrow(
        /without @ after a slash .*, got "[^"]*\*\*\*@gw:9091"$/,
      );
    },
  );

  test.each(['unix:/run/gateway.sock', 'unix:///run/gateway.sock'])('%s is refused as a socket', (text) => {
    expect(() => parseGatewayAddress(text)).toThrow(/expected host:port or .*, and no unix socket, got /);
  });
});
