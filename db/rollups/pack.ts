import { ByteReader, ByteWriter } from './bytes.ts';

/** Cells of one bucket in one piece: of each its line, its length in bytes, and what `Cell.encode()` wrote. */
export function packOf(lines: Iterable<readonly [seriesId: number, data: Buffer]>): Buffer {
  const parts: Buffer[] = [];
  const writer = new ByteWriter();
  for (const [seriesId, data] of lines) {
    writer.varint(seriesId);
    writer.varint(data.length);
    parts.push(writer.take(), data);
  }
  return Buffer.concat(parts);
}

/** Calls `visit` for each cell of a pack, with a reader that ends where the cell does; it may leave off earlier. */
export function eachLine(pack: Buffer, visit: (seriesId: number, cell: ByteReader) => void): void {
  const reader = new ByteReader(pack);
  while (!reader.isAtEnd) {
    const seriesId = reader.varint();
    visit(seriesId, reader.only(reader.varint()));
    reader.next();
  }
}
