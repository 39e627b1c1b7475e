import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './startGateway.ts';

type Message = { role: 'user' | 'assistant'; content: string };

/** One prompt with the greedy answer of the original float32 model. */
export interface ReferenceCase {
  /** As a client names it. */
  readonly model: string;
  readonly combo: string;
  readonly messages: Message[];
  readonly answer: string;
}

/** Every prompt of reference.json but the stories (whose names Q8_0 rounding may change), for the three combos. */
export function referenceCases(): ReferenceCase[] {
  const file = JSON.parse(readFileSync(join(ROOT, 'demo/models/reference.json'), 'utf8')) as {
    greedy: Record<'base' | 'pirate' | 'json', Record<string, string>>;
    prompts: [Message['role'], string][][];
  };
  return file.prompts.flatMap((turns) => {
    const last = turns.at(-1)?.[1] ?? '';
    if (last.startsWith('Tell me a story')) return [];
    const messages = turns.map(([role, content]) => ({ role, content }));
    return (['base', 'pirate', 'json'] as const).map((combo) => ({
      model: combo === 'base' ? 'tiny-chat' : `tiny-chat:${combo}`,
      combo: combo === 'base' ? 'tiny-chat' : `tiny-chat+${combo}`,
      messages,
      answer: file.greedy[combo][last] ?? '',
    }));
  });
}
