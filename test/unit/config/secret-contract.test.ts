import { describe, expect, it } from "vitest";
import { channelSecrets, collectRuntimeConfigAssignments, secretTargetRegistryEntries } from "../../../ts/secret-contract-api.ts";

type Json = Record<string, unknown>;
type Params = Parameters<typeof collectRuntimeConfigAssignments>[0];

const ref = (id: string) => ({ source: "env", provider: "default", id });

/** Paths of the references the host would resolve, and of those it would leave. */
function collected(matrix: Json, env: Record<string, string> = {}) {
  const config = { channels: { matrix } };
  const context = { sourceConfig: config, env, cache: {}, warnings: [], warningKeys: new Set(), assignments: [] } as unknown as Params["context"];
  collectRuntimeConfigAssignments({ config, context });
  return {
    used: context.assignments.map(({ path }) => path.replace("channels.matrix.", "")),
    unused: context.warnings.map(({ path }) => path.replace("channels.matrix.", "")),
    assignments: context.assignments,
    matrix,
  };
}

const all = { accessToken: ref("T"), password: ref("P"), recoveryKey: ref("R"), storePassphrase: ref("S") };

describe("the secrets sidecar", () => {
  it("[SEC-1] registers every secret at top level and in accounts", () => {
    const paths = ["accessToken", "password", "recoveryKey", "storePassphrase"];
    expect(secretTargetRegistryEntries.map(({ pathPattern }) => pathPattern).sort()).toEqual(
      [...paths.map((key) => `channels.matrix.${key}`), ...paths.map((key) => `channels.matrix.accounts.*.${key}`)].sort(),
    );
    expect(channelSecrets.collectRuntimeConfigAssignments).toBe(collectRuntimeConfigAssignments);
  });

  it.each<[string, Json, Record<string, string>, string[], string[]]>([
    ["one account at top level", { password: ref("P"), recoveryKey: ref("R") }, {}, ["password", "recoveryKey"], []],
    ["a token spares the password", all, {}, ["accessToken", "recoveryKey", "storePassphrase"], ["password"]],
    ["so does one of the environment", { password: ref("P") }, { MATRIX_ACCESS_TOKEN: "t" }, [], ["password"]],
    ["a switched-off channel needs none", { ...all, enabled: false }, {}, [], Object.keys(all)],
    ["a switched-off account needs none", { accounts: { ops: { ...all, enabled: false } } }, {}, [], Object.keys(all).map((key) => `accounts.ops.${key}`)],
    ["the top level is an account beside the named ones", { accessToken: ref("T"), accounts: { ops: { accessToken: ref("O") } } }, {}, ["accessToken", "accounts.ops.accessToken"], []],
    ["accounts.default takes its place", { accessToken: ref("T"), accounts: { default: { accessToken: ref("D") } } }, {}, ["accounts.default.accessToken"], ["accessToken"]],
    ["a scoped variable takes its place", { accessToken: ref("T") }, { MATRIX_DEFAULT_ACCESS_TOKEN: "t" }, [], ["accessToken"]],
    ["named accounts share the passphrase", { storePassphrase: ref("S"), accounts: { default: { enabled: false }, ops: {} } }, {}, ["storePassphrase"], []],
    ["unless each has its own", { storePassphrase: ref("S"), accounts: { default: { enabled: false }, ops: { storePassphrase: ref("O") } } }, {}, ["accounts.ops.storePassphrase"], ["storePassphrase"]],
  ])("[SEC-1] %s", (_title, matrix, env, used, unused) => {
    const found = collected(structuredClone(matrix), env);
    expect(found.used.sort()).toEqual([...used].sort());
    expect(found.unused.sort()).toEqual([...unused].sort());
  });

  it("[SEC-1] a missing value costs that account alone, and a found one lands in its place", () => {
    const { assignments, matrix } = collected({ accounts: { "Ops Bot": { accessToken: ref("O") } } });
    const [assignment] = assignments;
    expect(assignment).toMatchObject({ ownerKind: "account", ownerId: "matrix:ops-bot", requiredForGateway: false, disposition: "isolate" });
    assignment?.apply("value");
    expect(matrix).toEqual({ accounts: { "Ops Bot": { accessToken: "value" } } });
  });

  it("[SEC-1] has nothing to say without a section", () => {
    const context = { env: {}, warnings: [], assignments: [] } as unknown as Params["context"];
    collectRuntimeConfigAssignments({ config: {}, context });
    expect(context.assignments).toEqual([]);
  });
});
