import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { isCidr } from '../../catalogue/cidr.ts';

/** Tells where requests come from. Throws for what is no CIDR, as `10.0.0.0/8`, or address. */
export function clientAddresses(trustedProxies: readonly string[]) {
  const trusted = new BlockList();
  for (const range of trustedProxies) addRange(trusted, range);
  const isTrusted = (address: string): boolean => trusted.check(address, familyOf(address));

  /** The connection's other end; while that is a trusted proxy, whom it says it forwards for. null: not known. */
  return (incoming: Pick<IncomingMessage, 'socket' | 'headers'> | undefined): string | null => {
    let address = plainAddress(incoming?.socket.remoteAddress ?? '');
    if (address === null) return null;
    const forwarded = [incoming?.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    // The last one was added by the proxy that is next to us; what stands before an untrusted one is anybody's word.
    while (isTrusted(address)) {
      const before = plainAddress(forwarded.pop()?.trim() ?? '');
      if (before === null) break;
      address = before;
    }
    return address;
  };
}

function addRange(list: BlockList, range: string): void {
  if (!isCidr(range)) throw new Error(`Cannot trust proxy "${range}": expected a CIDR such as "10.0.0.0/8"`);
  const [address = '', bits] = range.split('/');
  if (bits === undefined) list.addAddress(address, familyOf(address));
  else list.addSubnet(address, Number(bits), familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** Without the IPv6 form of an IPv4 address, brackets and port. */
function plainAddress(text: string): string | null {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return isIP(address) === 0 ? null : address;
}
