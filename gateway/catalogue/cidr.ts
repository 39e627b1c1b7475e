import { isIP } from 'node:net';

/** An address with the length of its network, as `10.0.0.0/8` or `fd00::/8`, or alone. */
export function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const most = { 4: 32, 6: 128, 0: -1 }[isIP(address)] ?? -1;
  return (
    rest.length === 0 && most > 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  );
}
