import { fail, ok, type Result } from '../../domain/errors.ts';
import type { IgnoredFields } from './ignored.ts';
import { type InputMessage, type InputToolCall, MESSAGE_FIELDS } from './messageSchema.ts';

type Normalised = Readonly<Record<string, unknown>>;
type Assistant = Extract<InputMessage, { role: 'assistant' }>;
type Content = Assistant['content'];

/**
 * Translates what is deprecated or synonymous: `developer` is `system`; a `function` message is a `tool` message;
 * a `function_call` is a tool call whose id is made from its place; a refusal is the text that the assistant said.
 * `raw` are the messages before validation, for the names of the fields that it left out.
 */
export function normaliseMessages(
  messages: readonly InputMessage[],
  raw: readonly unknown[],
  ignored: IgnoredFields,
): Result<Normalised[]> {
  const out: Normalised[] = [];
  /** Ids of `function_call`s that wait for their `function` message, by function name. */
  const callIds = new Map<string, string>();
  for (const [index, message] of messages.entries()) {
    ignored.addUnknown(raw[index] as object, MESSAGE_FIELDS, 'messages.');
    if (message.role === 'assistant') {
      const assistant = normaliseAssistant(message, index, callIds);
      if (!assistant.ok) return assistant;
      out.push(assistant.value);
    } else {
      out.push(normaliseOther(message, index, callIds));
    }
  }
  return ok(out);
}

function normaliseOther(
  message: Exclude<InputMessage, Assistant>,
  index: number,
  callIds: ReadonlyMap<string, string>,
): Normalised {
  const named = message.name == null ? {} : { name: message.name };
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: message.content, ...named };
    case 'user':
      return { role: 'user', content: message.content, ...named };
    case 'tool':
      return { role: 'tool', content: message.content, tool_call_id: message.tool_call_id, ...named };
    case 'function': {
      const id = callIds.get(message.name) ?? madeId(index);
      return { role: 'tool', content: message.content ?? '', tool_call_id: id, ...named };
    }
  }
}

function normaliseAssistant(
  message: Assistant,
  index: number,
  callIds: Map<string, string>,
): Result<Normalised> {
  const calls = (message.tool_calls ?? []).map(normaliseCall);
  if (message.function_call != null && calls.length === 0) {
    const id = madeId(index);
    callIds.set(message.function_call.name, id);
    calls.push(normaliseCall({ id, function: message.function_call }));
  }
  const content = contentOf(message.content, message.refusal);
  if (content === null && calls.length === 0) {
    const param = `messages[${index}].content`;
    return fail(
      'invalid_request',
      `Cannot read request: \`${param}\`: expected text unless there are tool calls, got ${message.content === null ? 'null' : 'nothing'}`,
      param,
    );
  }
  return ok({
    role: 'assistant',
    content,
    ...(message.name == null ? {} : { name: message.name }),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  });
}

function contentOf(content: Content, refusal: string | null | undefined): Content {
  if (content == null) return refusal ?? null;
  if (typeof content === 'string') return content === '' && refusal != null ? refusal : content;
  return content.map((part) => (part.type === 'text' ? part : { type: 'text', text: part.refusal }));
}

function normaliseCall(call: InputToolCall): Normalised & { readonly id: string } {
  return { id: call.id, type: 'function', function: call.function };
}

function madeId(index: number): string {
  return `call_${index}`;
}
