/** One line of a CSV file, by the names of its columns. */
export interface CsvRow {
  /** Throws when it is empty. */
  text(column: string): string;
  /** Throws unless it is a number of at least 0. */
  number(column: string): number;
  /** Names the file and the line. */
  error(what: string): Error;
}

/**
 * Reads lines of comma-separated values under a header that has at least these columns, in any order. Ids and numbers
 * never need quotes, so a quote is an error rather than a dialect: no parser of all of CSV is needed.
 */
export function* readCsv(text: string, file: string, columns: readonly string[]): Generator<CsvRow> {
  const lines = text.split(/\r?\n/);
  const header = (lines[0] ?? '')
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((name) => name.trim());
  const missing = columns.filter((column) => !header.includes(column));
  if (missing.length > 0)
    throw errorAt(file, 1, `expected columns ${columns.join(', ')}, got no ${missing.join(', ')}`);
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue;
    yield rowOf(line, file, index + 1, header);
  }
}

function rowOf(line: string, file: string, number: number, header: readonly string[]): CsvRow {
  const error = (what: string): Error => errorAt(file, number, what);
  if (line.includes('"')) throw error('expected values without quotes');
  const values = line.split(',').map((value) => value.trim());
  if (values.length > header.length)
    throw error(`expected at most ${header.length} values, got ${values.length}`);
  const text = (column: string): string => {
    const value = values[header.indexOf(column)] ?? '';
    if (value === '') throw error(`expected a value of "${column}", got none`);
    return value;
  };
  const numberOf = (column: string): number => {
    const value = Number(text(column));
    if (Number.isFinite(value) && value >= 0) return value;
    throw error(`${column} "${text(column)}": expected a number of at least 0`);
  };
  return { text, number: numberOf, error };
}

function errorAt(file: string, line: number, what: string): Error {
  return new Error(`Cannot read "${file}" line ${line}: ${what}`);
}
