import { defineConfig } from "vitest/config";

/** A command of the host's takes ten seconds to load, a gateway half a minute to start. */
const WITH_A_GATEWAY = { testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], environment: "node" } },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"], environment: "node", testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { name: "e2e", include: ["test/e2e/*.test.ts"], environment: "node", ...WITH_A_GATEWAY } },
      {
        test: {
          // They stop the one gateway or the one homeserver, so they run alone, after the others.
          name: "outages",
          include: ["test/e2e/outages/*.test.ts"],
          environment: "node",
          ...WITH_A_GATEWAY,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          // The addon in a bare Node process, a homeserver and people; no gateway.
          name: "crypto",
          include: ["test/e2e/crypto/*.test.ts"],
          environment: "node",
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
