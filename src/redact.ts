/** What stands between a scheme and a host. A password may hold an @, so it reaches up to the last one. */
const USERINFO = /((?:[a-z][a-z0-9+.-]*:)?\/\/)[^\s/?#"'`]*@/gi;

/** A text with the userinfo of every URL in it hidden: for logs and for what a server said. */
export function hideUserinfo(text: string): string {
  return text.replace(USERINFO, '$1***@');
}

/** An address, even a broken one, with everything before its last @ hidden: a password may hold any character. */
export function redactAddress(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
}

/** An address without userinfo, for a process that must not have it. */
export function withoutUserinfo(address: string): string {
  return address.replace(/^(\s*(?:[a-z][a-z0-9+.-]*:\/\/)?).*@/is, '$1');
}
