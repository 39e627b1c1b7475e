import { readFileSync } from 'node:fs';

/** What a process holds of memory, in bytes (proc(5): /proc/PID/smaps and smaps_rollup). */
export interface ProcessMemory {
  /** All of it, with pages that several processes map divided by them. */
  readonly pssBytes: number;
  readonly anonymousBytes: number;
  /** Of the files whose path begins so: what is mapped and there, and its share. */
  readonly mappedBytes: number;
  readonly mappedPssBytes: number;
}

const fieldOf = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;

export function processMemory(pid: number, pathPrefix: string): ProcessMemory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  let mappedBytes = 0;
  let mappedPssBytes = 0;
  // A mapping's lines begin with its addresses: `7f..-7f.. r--s ...`.
  for (const mapping of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    if (!mapping.slice(0, mapping.indexOf('\n')).includes(` ${pathPrefix}`)) continue;
    mappedBytes += fieldOf(mapping, 'Rss');
    mappedPssBytes += fieldOf(mapping, 'Pss');
  }
  return {
    pssBytes: fieldOf(rollup, 'Pss'),
    anonymousBytes: fieldOf(rollup, 'Anonymous'),
    mappedBytes,
    mappedPssBytes,
  };
}
