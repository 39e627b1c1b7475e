/**
 * A vitest reporter that writes what scripts/test-summary.mjs counts to the file named by HEARTH_TEST_REPORT. Vitest's JSON
 * reporter knows neither why a test was skipped nor the errors outside of tests.
 */
import { writeFileSync } from 'node:fs';

export default class TestReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tests = [];
    const errors = unhandledErrors.map((error) => `unhandled: ${error.message}`);
    for (const module of modules) {
      const before = tests.length;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        tests.push({ file: module.relativeModuleId, name: test.fullName, state, note });
      }
      for (const { message } of module.errors()) errors.push(`${module.relativeModuleId}: ${message}`);
      for (const suite of module.children.allSuites()) {
        for (const { message } of suite.errors())
          errors.push(`${module.relativeModuleId} > ${suite.fullName}: ${message}`);
      }
      if (tests.length === before && module.state() !== 'failed')
        errors.push(`${module.relativeModuleId}: no test in it`);
    }
    writeFileSync(process.env.HEARTH_TEST_REPORT, JSON.stringify({ tests, errors }));
  }
}
