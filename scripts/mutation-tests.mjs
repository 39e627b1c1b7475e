/**
 * What `vitest` is to tests while mutants run: the same `expect`, and a `describe` and `it` that only note down
 * what there is (tests that use hooks are not for it). scripts/mutation-runner.mjs bundles it in vitest's place.
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

export function describe(name, define) {
  path.push(name);
  define();
  path.pop();
}

export function it(name, run) {
  tests.push({ id: [...path, name].join(' '), run });
}

it.each = (rows) => (name, run) => {
  rows.forEach((row, at) => {
    it(`${name} (${at + 1})`, () => run(...(Array.isArray(row) ? row : [row])));
  });
};
