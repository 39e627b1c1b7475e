import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openOrigin } from '../../sources/openOrigin.ts';
import { OriginReader } from '../../sources/originReader.ts';
import { Transport } from '../../sources/transport.ts';
import { QuickPace } from './quickPace.ts';
import { noise, WeightServer } from './weightServer.ts';

let server: WeightServer;
let transport: Transport;
beforeEach(async () => {
  server = await WeightServer.start();
  transport = new Transport();
});
afterEach(async () => {
  await transport.close();
  await server.close();
});

async function readerOf(uri: string) {
  const pace = new QuickPace();
  const origin = openOrigin(uri, { transport, pace });
  const [file] = await origin.files();
  if (!file) throw new Error('no file');
  return new OriginReader(origin, file, { pace });
}

/** Everything from front to back, as a header's reader goes. */
async function readAll(reader: OriginReader): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const target = Buffer.alloc(100_000);
  for (let at = 0; ; ) {
    const bytes = await reader.read(target, at);
    if (bytes === 0) return Buffer.concat(pieces);
    pieces.push(Buffer.from(target.subarray(0, bytes)));
    at += bytes;
  }
}

describe('OriginReader', () => {
  test('reads a whole file in few, growing requests', async () => {
    const bytes = noise(5_000_000);
    expect((await readAll(await readerOf(server.put('/a', bytes)))).equals(bytes)).toBe(true);
    expect(server.ranged.length).toBeLessThanOrEqual(8);
  });

  test('readPiece() asks for exactly what is not in the window, and keeps that', async () => {
    const bytes = noise(5_000_000);
    const reader = await readerOf(server.put('/a', bytes));
    await reader.read(Buffer.alloc(10), 0);
    const piece = Buffer.alloc(1_000_000);
    expect(await reader.readPiece(piece, 4096)).toBe(1_000_000);
    expect(piece.equals(bytes.subarray(4096, 1_004_096))).toBe(true);
    const last = Buffer.alloc(100);
    expect(await reader.readPiece(last, 4_999_950)).toBe(50);
    expect(last.subarray(0, 50).equals(bytes.subarray(-50))).toBe(true);
    expect(await reader.readPiece(last, 5_000_000)).toBe(0);
    expect(await reader.readPiece(last, 200_000)).toBe(100);
    expect(last.equals(bytes.subarray(200_000, 200_100))).toBe(true);
    expect(server.ranged).toEqual(['bytes=0-262143', 'bytes=4096-1004095', 'bytes=4999950-4999999']);
  });

  test('readPiece() counts what a server without ranges sends before it', async () => {
    server.ranges = false;
    const bytes = noise(40 * 2 ** 20);
    const reader = await readerOf(server.put('/a', bytes));
    const tag = Buffer.alloc(16);
    expect(await reader.readPiece(tag, bytes.length - 16)).toBe(16);
    expect(tag.equals(bytes.subarray(-16))).toBe(true);
    await expect(reader.readPiece(tag, bytes.length - 16)).rejects.toMatchObject({ code: 'too_large' });
  });

  test('jumps, and asks for nothing that lies between', async () => {
    const bytes = noise(5_000_000);
    const reader = await readerOf(server.put('/a', bytes));
    const target = Buffer.alloc(10);
    await reader.read(target, 0);
    expect(await reader.read(target, 4_000_000)).toBe(10);
    expect(target.equals(bytes.subarray(4_000_000, 4_000_010))).toBe(true);
    expect(server.ranged).toEqual(['bytes=0-262143', 'bytes=4000000-4524287']);
  });

  test('reads from the start where the server knows no ranges, and survives a cut', async () => {
    const bytes = noise(600_000);
    server.ranges = false;
    const reader = await readerOf(server.put('/a', bytes));
    server.cut = { afterBytes: 1000, times: 1 };
    expect((await readAll(reader)).equals(bytes)).toBe(true);
  });

  test('does not read on for ever', async () => {
    const reader = await readerOf(server.put('/a', Buffer.alloc(80 * 2 ** 20)));
    await expect(readAll(reader)).rejects.toMatchObject({ code: 'too_large' });
  });
});
