/** Memory of one runner: of the host, and of the device that the runner is on. */
export interface Bytes {
  readonly host: number;
  readonly device: number;
}

export type Part = keyof Bytes;

export const NO_BYTES: Bytes = { host: 0, device: 0 };

/** `share`, 0 to 1, of the bytes is on the device. */
export function split(bytes: number, share: number): Bytes {
  return { host: partOf(bytes, share, 'host'), device: partOf(bytes, share, 'device') };
}

/** The same for one of the two parts, which add up to all of it. */
export function partOf(bytes: number, share: number, part: Part): number {
  const device = share === 0 ? 0 : Math.ceil(bytes * share);
  return part === 'device' ? device : bytes - device;
}

export function plus(a: Bytes, b: Bytes): Bytes {
  return { host: a.host + b.host, device: a.device + b.device };
}

export function minus(a: Bytes, b: Bytes): Bytes {
  return { host: a.host - b.host, device: a.device - b.device };
}

export function totalOf({ host, device }: Bytes): number {
  return host + device;
}

/** There is nothing of either that is missing. */
export function isCovered({ host, device }: Bytes): boolean {
  return host <= 0 && device <= 0;
}
