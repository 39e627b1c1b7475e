import Sqlite from 'better-sqlite3';

/** What is remembered beside the database, so that percentiles can be had exactly: by combo and kind, in milliseconds. */
export interface Remembered {
  readonly ttft: Map<string, Growing>;
  readonly total: Map<string, Growing>;
}

export interface Traffic {
  readonly rows: number;
  readonly days: number;
  /** Midnight after the last of them. */
  readonly untilEpochMs: number;
  readonly combos: number;
  readonly keys: number;
}

const DAY_MS = 86_400_000;
const KINDS = [
  { kind: 'warm', share: 0.9, startMs: 0 },
  { kind: 'attach', share: 0.05, startMs: 20 },
  { kind: 'staged', share: 0.03, startMs: 900 },
  { kind: 'cold', share: 0.02, startMs: 20_000 },
] as const;
const INSERT = `insert into requests (request_id, endpoint, key_id, combo, base_id, combo_revision, runner_id, start_kind, joined,
    stream, arrived_at_epoch_ms, queue_ms, load_ms, attach_ms, stage_ms, prefill_ms, decode_ms, start_tier, staged_bytes,
    staged_ms, ttft_ms, tpot_ms, total_ms, prompt_tokens, cached_tokens, completion_tokens, response_bytes, http_status,
    error_code, finish_reason)
  values (?, 'chat_completions', ?, ?, ?, 'rev', 'r_1', ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 10, ?, 2000, 200, ?, 'stop')`;

/** Doubles in a buffer that grows. */
export class Growing {
  #values = new Float64Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  get length(): number {
    return this.#length;
  }

  /** The value at `floor(p * (length - 1))` of all in order. */
  quantiles(ps: readonly number[]): number[] {
    const sorted = this.#values.slice(0, this.#length).sort();
    return ps.map((p) => sorted[Math.floor(p * (sorted.length - 1))] ?? Number.NaN);
  }
}

/** Writes synthetic requests straight into a migrated database that nobody else has open, in the order of their arrival. */
export function writeRows(path: string, traffic: Traffic): Remembered {
  const sqlite = new Sqlite(path);
  sqlite.pragma('synchronous = OFF');
  sqlite.pragma('cache_size = -262144');
  const insert = sqlite.prepare(INSERT);
  const remembered: Remembered = { ttft: new Map(), total: new Map() };
  const fromEpochMs = traffic.untilEpochMs - traffic.days * DAY_MS;
  const stepMs = (traffic.days * DAY_MS) / traffic.rows;
  const writeSome = sqlite.transaction((first: number, last: number) => {
    for (let row = first; row < last; row += 1)
      insert.run(...rowOf(row, Math.floor(fromEpochMs + row * stepMs), traffic, remembered));
  });
  for (let row = 0; row < traffic.rows; row += 50_000) writeSome(row, Math.min(row + 50_000, traffic.rows));
  sqlite.pragma('wal_checkpoint(TRUNCATE)');
  sqlite.close();
  return remembered;
}

/** Log-normal, as waiting times are. */
function around(medianMs: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return medianMs * Math.exp(spread * normal);
}

/** A few are asked for often, most seldom. */
function popular(count: number): number {
  return Math.floor(count * Math.random() ** 3);
}

function kindOf() {
  let left = Math.random();
  for (const kind of KINDS) {
    left -= kind.share;
    if (left < 0) return kind;
  }
  return KINDS[0];
}

function rowOf(row: number, arrived: number, { combos, keys }: Traffic, remembered: Remembered): unknown[] {
  const combo = popular(combos);
  const base = `base-${combo % 8}`;
  const name = combo < 8 ? base : `${base}+adapter-${combo}`;
  const { kind, startMs } = kindOf();
  const start = startMs === 0 ? 0 : around(startMs, 0.6);
  const [prefill, decode] = [around(12, 0.8), around(800, 0.7)];
  const isJoined = startMs > 0 && Math.random() < 0.3;
  const error = Math.random() < 0.01 ? 'client_closed' : null;
  const tokens = 20 + Math.floor(Math.random() * 400);
  const [ttft, total] = [start + prefill, start + prefill + decode];
  if (error === null) {
    remember(remembered.ttft, `${name} ${kind}`, ttft);
    remember(remembered.total, `${name} ${kind}`, total);
  }
  const isStaged = kind === 'cold';
  const isLoaded = isStaged || kind === 'staged';
  return [
    `q${row}`,
    `key_${popular(keys)}`,
    name,
    base,
    kind,
    isJoined ? 1 : 0,
    arrived,
    Math.random() < 0.3 ? around(2, 1) : null,
    isLoaded ? start * 0.3 : null,
    kind === 'attach' ? start : null,
    isStaged ? start * 0.7 : null,
    prefill,
    decode,
    isStaged ? 'origin' : null,
    isStaged ? 8e9 : null,
    isStaged ? start * 0.7 : null,
    ttft,
    decode / tokens,
    total,
    tokens * 3,
    tokens,
    error,
  ];
}

function remember(values: Map<string, Growing>, key: string, value: number): void {
  const growing = values.get(key) ?? new Growing();
  values.set(key, growing);
  growing.push(value);
}
