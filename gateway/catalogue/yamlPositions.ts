import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';

/** A path in a document, as `['models', 0, 'path']`. */
export type DocumentPath = readonly PropertyKey[];

/** Where something stands in a YAML file, 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The position of the value at a path; of the nearest container that is there when it is missing. */
export function positionOf(document: Document, lines: LineCounter, path: DocumentPath): Position {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    const next = child(document, node, step);
    if (!next) break;
    node = next.node;
    offset = startOf(node) ?? next.keyOffset ?? offset;
  }
  return at(lines, offset);
}

/** The position of a key of the map at a path. */
export function keyPositionOf(
  document: Document,
  lines: LineCounter,
  path: DocumentPath,
  key: string,
): Position {
  let node: unknown = document.contents;
  for (const step of path) node = child(document, node, step)?.node;
  const offset = child(document, node, key)?.keyOffset;
  return offset === undefined ? positionOf(document, lines, path) : at(lines, offset);
}

export function at(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** `models[0].path`. */
export function formatPath(path: DocumentPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

interface Child {
  readonly node: unknown;
  readonly keyOffset?: number | undefined;
}

function child(document: Document, parent: unknown, step: PropertyKey): Child | undefined {
  const container = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq(container) && typeof step === 'number') {
    return step < container.items.length ? { node: container.items[step] } : undefined;
  }
  if (!isMap(container)) return undefined;
  const pair = container.items.find(
    ({ key }: Pair) => String(isScalar(key) ? key.value : key) === String(step),
  );
  return pair && { node: pair.value, keyOffset: startOf(pair.key) };
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
