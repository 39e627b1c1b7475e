/** An engine on the demo model, and requests to it as promises. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  AcceptedEvent,
  AdapterFile,
  DoneEvent,
  EngineAddon,
  EngineEvent,
  GenerateRequest,
  LoadOptions,
  NativeEngine,
  RejectedEvent,
  Sampling,
  TokenLogprob,
  ToolCallDelta,
} from '../../native/addonTypes.ts';
import { loadAddon } from '../../native/load.ts';

export const MODELS = join(import.meta.dirname, '..', '..', 'demo', 'models');
export const BASE = join(MODELS, 'tiny-chat-q8_0.gguf');
export const PIRATE = join(MODELS, 'lora-pirate.gguf');
export const JSON_ADAPTER = join(MODELS, 'lora-json.gguf');

export const GREEDY: Sampling = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  seed: null,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repeatPenalty: 1,
  logitBias: [],
};

export interface Answer {
  accepted?: AcceptedEvent;
  rejected?: RejectedEvent;
  done?: DoneEvent;
  deltas: number;
  text: string;
  reasoning: string;
  logprobs: TokenLogprob[];
  toolCalls: { id: string; name: string; arguments: string }[];
}

interface Pending {
  answer: Answer;
  resolve: (answer: Answer) => void;
  onDelta: ((text: string) => void) | undefined;
}

let loaded: EngineAddon | undefined;

function addon(): EngineAddon {
  if (loaded === undefined) {
    const found = loadAddon();
    found.addon.initialise({ libraryDir: found.libraryDir, eventLoopCores: [], onLog: () => {} });
    loaded = found.addon;
  }
  return loaded;
}

export interface Ask {
  id: number;
  answer: Promise<Answer>;
}

export class Harness {
  readonly engine: NativeEngine;
  readonly events: EngineEvent[] = [];
  private readonly pending = new Map<number, Pending>();

  constructor() {
    this.engine = addon().createEngine({ coalesceMs: 2, onEvents: (events) => this.take(events) });
  }

  async load(options: Partial<LoadOptions> = {}) {
    return await this.engine.load({
      path: BASE,
      deviceLayers: 0,
      device: null,
      threads: 1,
      useMmap: true,
      repack: false,
      contextTokens: 512,
      sequences: 4,
      kvBudgetBytes: null,
      ...options,
    });
  }

  async attach(combo: string, adapters: AdapterFile[] = []) {
    return await this.engine.attach({ combo, adapters, warmUp: true });
  }

  submit(request: Partial<GenerateRequest>, onDelta?: (text: string) => void): Ask {
    const id = this.engine.submit({
      combo: 'base',
      prompt: { kind: 'text', text: '' },
      maxTokens: 200,
      sampling: GREEDY,
      stop: [],
      topLogprobs: null,
      ...request,
    });
    const answer = new Promise<Answer>((resolve) => {
      const empty = { deltas: 0, text: '', reasoning: '', logprobs: [], toolCalls: [] };
      this.pending.set(id, { answer: empty, resolve, onDelta });
    });
    return { id, answer };
  }

  /** A conversation of alternating user and assistant turns. */
  chat(turns: string | string[], request: Partial<GenerateRequest> = {}): Promise<Answer> {
    const messages = [turns].flat().map((content, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content,
    }));
    return this.chatJson(messages, request);
  }

  chatJson(messages: unknown, request: Partial<GenerateRequest> = {}, chat: object = {}): Promise<Answer> {
    const prompt = { kind: 'chat' as const, messagesJson: JSON.stringify(messages), ...chat };
    return this.submit({ prompt, ...request }).answer;
  }

  private take(events: EngineEvent[]): void {
    for (const event of events) {
      this.events.push(event);
      const pending = this.pending.get(event.id);
      if (pending === undefined) throw new Error(`Cannot place an event: request ${event.id} is over`);
      const { answer } = pending;
      if (event.type === 'delta') {
        answer.deltas += 1;
        answer.text += event.text;
        answer.reasoning += event.reasoning ?? '';
        answer.logprobs.push(...(event.logprobs ?? []));
        for (const call of event.toolCalls ?? []) addCall(answer, call);
        pending.onDelta?.(event.text);
      } else if (event.type === 'accepted') {
        answer.accepted = event;
      } else {
        if (event.type === 'done') answer.done = event;
        else answer.rejected = event;
        this.pending.delete(event.id);
        pending.resolve(answer);
      }
    }
  }
}

function addCall(answer: Answer, delta: ToolCallDelta): void {
  const known = answer.toolCalls[delta.index];
  if (known !== undefined) {
    known.arguments += delta.argumentsDelta;
    return;
  }
  answer.toolCalls[delta.index] = {
    id: delta.id ?? '',
    name: delta.name ?? '',
    arguments: delta.argumentsDelta,
  };
}

interface Reference {
  greedy: Record<'base' | 'pirate' | 'json', Record<string, string>>;
  prompts: [role: string, content: string][][];
}

/** Prompts and answers of reference.json but for the story, whose names depend on rounding. */
export function referenceAnswers(): {
  combo: 'base' | 'pirate' | 'json';
  turns: string[];
  expected: string;
}[] {
  const reference: Reference = JSON.parse(readFileSync(join(MODELS, 'reference.json'), 'utf8'));
  return (['base', 'pirate', 'json'] as const).flatMap((combo) =>
    reference.prompts
      .map((prompt) => prompt.map(([, content]) => content))
      .filter((turns) => !turns.at(-1)?.includes('story'))
      .map((turns) => ({ combo, turns, expected: reference.greedy[combo][turns.at(-1) ?? ''] ?? '' })),
  );
}
