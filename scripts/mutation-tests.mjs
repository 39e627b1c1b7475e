/**
 * What `vitest` is to tests while mutants run: the same `expect`, and a `describe` and `it` that only note down
 * what there is, with hooks around each test (and none around all of them). scripts/mutation-runner.mjs bundles it in vitest's place.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';

/** In the order of their files: `{ id, run }`. */
export const tests = [];
const path = [];

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
export const expect = (value, message) => chai.expect(value, message);
Object.assign(expect, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT]);
globalThis[GLOBAL_EXPECT] = expect;
setState({ assertionCalls: 0, isExpectingAssertions: false }, expect);
chai.expect.extend(expect, customMatchers);

const POLL_MS = 1000;
/** Asked again until it holds, for a second at most. */
expect.poll = (read) =>
  new Proxy(
    {},
    {
      get:
        (_, matcher) =>
        async (...args) => {
          for (const end = performance.now() + POLL_MS; ; ) {
            try {
              return expect(await read())[matcher](...args);
            } catch (error) {
              if (performance.now() > end) throw error;
              await new Promise((resolve) => setTimeout(resolve, 2));
            }
          }
        },
    },
  );

/** A file or a `describe`, with its hooks. */
let scope = { outer: null, before: [], after: [] };

/** What comes now is another file's. */
export function beginFile() {
  scope = { outer: null, before: [], after: [] };
}

export function describe(name, define) {
  path.push(name);
  scope = { outer: scope, before: [], after: [] };
  define();
  scope = scope.outer;
  path.pop();
}

export const beforeEach = (run) => void scope.before.push(run);
export const afterEach = (run) => void scope.after.push(run);

export function it(name, run) {
  const own = scope;
  const hooked = async () => {
    const scopes = [];
    for (let at = own; at; at = at.outer) scopes.unshift(at);
    for (const { before } of scopes) for (const hook of before) await hook();
    try {
      await run();
    } finally {
      for (const { after } of scopes.toReversed()) for (const hook of after) await hook();
    }
  };
  tests.push({ id: [...path, name].join(' '), run: hooked });
}

it.each = (rows) => (name, run) => {
  rows.forEach((row, at) => {
    it(`${name} (${at + 1})`, () => run(...(Array.isArray(row) ? row : [row])));
  });
};

export { it as test };
