const EXEMPLAR = / # \{[^}]*\} \S+(?: \S+)?$/;
const ABOUT_COUNTER = /^# TYPE (\S+) counter$/;

/**
 * OpenMetrics text as Prometheus' format 0.0.4: without exemplars and the end mark, and counters described by the name that
 * their samples have. (prom-client renders one registry in one of the two only.)
 */
export function plainText(openMetrics: string): string {
  const lines = openMetrics.split('\n').filter((line) => line !== '# EOF');
  for (const [index, line] of lines.entries()) {
    const [, counter] = ABOUT_COUNTER.exec(line) ?? [];
    if (counter === undefined) {
      lines[index] = line.replace(EXEMPLAR, '');
      continue;
    }
    lines[index] = `# TYPE ${counter}_total counter`;
    const help = `# HELP ${counter} `;
    const before = lines[index - 1];
    if (before?.startsWith(help)) lines[index - 1] = `# HELP ${counter}_total ${before.slice(help.length)}`;
  }
  return lines.join('\n');
}
