/** Plain columns, two spaces apart. */

/** `columns` are pairs of a heading and a function of the row; what is missing shows as `-`. */
export function table(columns, rows) {
  const cells = [
    columns.map(([heading]) => heading),
    ...rows.map((row) => columns.map(([, read]) => String(read(row) ?? '') || '-')),
  ];
  const widths = columns.map((_column, index) => Math.max(...cells.map((line) => line[index].length)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
