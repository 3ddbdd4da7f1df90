import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

interface TestResult {
  file: string;
  name: string;
  status: "passed" | "failed" | "skipped";
}

/** Writes every test with its full title to `TEST_RESULTS_FILE`, for the runner that adds the tiers up. */
export default class ResultsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const results: TestResult[] = [];
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        results.push({ file, name: test.fullName, status: state === "passed" || state === "failed" ? state : "skipped" });
      }
      // A hook or an import that failed: the tests behind it did not run.
      if (module.errors().length) results.push({ file, name: `${file} could not run`, status: "failed" });
      for (const suite of module.children.allSuites()) {
        if (suite.errors().length) results.push({ file, name: `${suite.fullName} (hooks)`, status: "failed" });
      }
    }
    for (const error of unhandledErrors) results.push({ file: "vitest.config.ts", name: `unhandled error: ${String((error as Error).message)}`, status: "failed" });
    const target = process.env.TEST_RESULTS_FILE;
    if (target) writeFileSync(target, JSON.stringify(results));
  }
}
