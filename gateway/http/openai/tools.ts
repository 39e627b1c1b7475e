import { fail, ok, type Result } from '../../domain/errors.ts';
import type { FunctionDefinition, ToolFields } from './toolSchema.ts';

/** `tools`, `tool_choice` and `parallel_tool_calls` for a runner; absent where there are no tools. */
export interface NormalisedTools {
  readonly fields: Readonly<Record<string, unknown>>;
  /** The client used `functions` and is to be answered with `function_call`. */
  readonly legacyFunctions: boolean;
}

/**
 * Checks the names of tools and the choice among them, and translates `functions`, `function_call` and
 * `allowed_tools` (the tools that are not allowed are left out).
 */
export function normaliseTools(input: ToolFields): Result<NormalisedTools> {
  const legacyFunctions = (input.functions?.length ?? 0) > 0;
  const tools = (input.tools ?? []).map((tool) => tool.function);
  if (legacyFunctions && tools.length > 0) {
    return refuse('functions', 'expected either `tools` or the deprecated `functions`, got both');
  }
  const functions = legacyFunctions ? (input.functions ?? []) : tools;
  const duplicate = duplicateIn(functions.map((each) => each.name));
  if (duplicate >= 0) {
    const param = legacyFunctions ? `functions[${duplicate}].name` : `tools[${duplicate}].function.name`;
    return refuse(param, 'expected another name than those before, got one twice');
  }
  const choice = choiceOf(input, functions);
  if (!choice.ok) return choice;
  if (functions.length === 0) return ok({ fields: {}, legacyFunctions });
  const parallel = legacyFunctions ? false : input.parallel_tool_calls;
  const fields = {
    tools: choice.value.functions.map(toolOf),
    ...(choice.value.choice === undefined ? {} : { tool_choice: choice.value.choice }),
    ...(parallel == null ? {} : { parallel_tool_calls: parallel }),
  };
  return ok({ fields, legacyFunctions });
}

interface Choice {
  readonly choice: string | { type: 'function'; function: { name: string } } | undefined;
  readonly functions: readonly FunctionDefinition[];
}

function choiceOf(input: ToolFields, functions: readonly FunctionDefinition[]): Result<Choice> {
  const names = new Set(functions.map((each) => each.name));
  const legacy = input.function_call;
  const wanted =
    input.tool_choice ?? (typeof legacy === 'object' && legacy !== null ? named(legacy.name) : legacy);
  const param = input.tool_choice == null ? 'function_call' : 'tool_choice';
  if (wanted == null) return ok({ choice: undefined, functions });
  if (typeof wanted === 'string') {
    if (wanted === 'required' && names.size === 0)
      return refuse(param, 'expected tools to choose from, got none');
    return ok({ choice: wanted, functions });
  }
  if (wanted.type === 'allowed_tools') {
    const { mode, tools } = wanted.allowed_tools;
    const unknown = tools.findIndex((tool) => !names.has(tool.function.name));
    if (unknown >= 0) return unknownTool(`${param}.allowed_tools.tools[${unknown}].function.name`);
    const allowed = new Set(tools.map((tool) => tool.function.name));
    return ok({ choice: mode, functions: functions.filter((each) => allowed.has(each.name)) });
  }
  if (!names.has(wanted.function.name)) {
    return unknownTool(param === 'tool_choice' ? `${param}.function.name` : `${param}.name`);
  }
  return ok({ choice: named(wanted.function.name), functions });
}

function toolOf(definition: FunctionDefinition): object {
  const { name, description, parameters } = definition;
  return {
    type: 'function',
    function: {
      name,
      ...(description == null ? {} : { description }),
      ...(parameters == null ? {} : { parameters }),
    },
  };
}

function named(name: string): { type: 'function'; function: { name: string } } {
  return { type: 'function', function: { name } };
}

function duplicateIn(names: readonly string[]): number {
  const seen = new Set<string>();
  return names.findIndex((name) => seen.size === seen.add(name).size);
}

function unknownTool(param: string): ReturnType<typeof fail> {
  return refuse(param, 'expected the name of one of the tools, got another');
}

function refuse(param: string, what: string): ReturnType<typeof fail> {
  return fail('invalid_request', `Cannot read request: \`${param}\`: ${what}`, param);
}
