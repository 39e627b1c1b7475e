import * as z from 'zod/mini';

const Detail = z.record(z.string(), z.unknown());

/** An event's detail. A row that somebody has edited by hand must not hide the others: what is no object is `{}`. */
export function parseDetail(json: string): Record<string, unknown> {
  try {
    const parsed = Detail.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}
