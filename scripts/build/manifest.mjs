// openclaw.plugin.json and the openclaw block of package.json: what the host reads without running the plugin.
//
//   node scripts/build/manifest.mjs [--check]      with --check: exit 1 if a file is not as it would be written
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ENV_FIELDS, globalEnvName } from "../../ts/config/env-names.ts";
import { matrixConfigSchema } from "../../ts/config/schema.ts";
import { INLINE_SECRET_REASON, referenceOnlySchema } from "../../ts/config/secret-schema.ts";
import { uiHints } from "../../ts/config/ui-hints.ts";
import { setupFields } from "../../ts/setup/fields.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const LABEL = "Matrix";
const DESCRIPTION = "Matrix rooms and direct messages with end-to-end encryption.";
const HOST_VERSION = ">=2026.9.6";

/**
 * The JSON schema of a key that takes a reference only. The host's validator can
 * name a key but give no reason of ours: so the reason stands inside the pattern
 * that no string matches, and is printed with it.
 */
const REFERENCE_ONLY = {
  // Not `type: ["object", "string"]`: the validator would report a string twice over.
  not: { anyOf: [{ type: "number" }, { type: "boolean" }, { type: "array" }, { type: "null" }] },
  pattern: `^(?:${INLINE_SECRET_REASON}){0}(?!)`,
  properties: {
    source: { type: "string", enum: ["env", "store", "file", "exec"] },
    provider: { type: "string", pattern: "^[a-z][a-z0-9_-]{0,63}$" },
    id: { type: "string", minLength: 1 },
  },
  required: ["source", "provider", "id"],
  additionalProperties: false,
};

/** The JSON schema of `channels.matrix`, draft-07 as the host's validator takes it. */
export function configJsonSchema() {
  return z.toJSONSchema(matrixConfigSchema, {
    target: "draft-7",
    io: "input",
    reused: "inline",
    unrepresentable: "throw",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== referenceOnlySchema) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[/** @type {keyof typeof jsonSchema} */ (key)];
      Object.assign(jsonSchema, structuredClone(REFERENCE_ONLY));
    },
  });
}

/** @param {string} version */
export function pluginManifest(version) {
  return {
    id: "matrix",
    name: LABEL,
    description: DESCRIPTION,
    version,
    categories: ["channels"],
    channels: ["matrix"],
    activation: { onStartup: false, onCommands: ["matrix"] },
    cliCommands: [
      { name: "matrix", description: "Manage Matrix accounts, encryption, verification and devices", hasSubcommands: true },
    ],
    commandAliases: [{ name: "matrix" }],
    doctorContract: { configRepair: true },
    backupResources: [{ disposition: "include", scope: "state", relativePath: "matrix-rs/accounts" }],
    configSchema: { type: "object", additionalProperties: false, properties: {} },
    channelConfigs: {
      matrix: { label: LABEL, description: DESCRIPTION, schema: configJsonSchema(), uiHints },
    },
  };
}

/** The names of the platform packages, from npm/. */
function platformPackages() {
  const npm = join(root, "npm");
  if (!existsSync(npm)) return [];
  return readdirSync(npm, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => JSON.parse(readFileSync(join(npm, entry.name, "package.json"), "utf8")).name)
    .sort();
}

/** @param {string} name of the npm package */
export function packageBlock(name) {
  return {
    extensions: ["./dist/index.js"],
    setupEntry: "./dist/setup-entry.js",
    setupFeatures: { configPromotion: true },
    channel: {
      id: "matrix",
      label: LABEL,
      selectionLabel: "Matrix (Rust core)",
      detailLabel: "Matrix bot",
      docsPath: "/channels/matrix",
      docsLabel: "matrix",
      blurb: DESCRIPTION,
      order: 70,
      markdownCapable: true,
      quickstartAllowFrom: true,
      doctorCapabilities: {
        dmAllowFromMode: "nestedOnly",
        groupModel: "sender",
        groupAllowFromFallbackToAllowFrom: false,
        warnOnEmptyGroupSenderAllowlist: true,
      },
      configuredState: { env: { anyOf: ENV_FIELDS.map(globalEnvName) } },
      persistedAuthState: { specifier: "./dist/auth-presence.js", exportName: "hasAnyMatrixAuth" },
      setup: { fields: Object.entries(setupFields).map(([key, field]) => ({ key, ...field })) },
    },
    install: {
      npmSpec: name,
      defaultChoice: "npm",
      minHostVersion: HOST_VERSION,
      requiredPlatformPackages: platformPackages(),
    },
    compat: { pluginApi: HOST_VERSION },
  };
}

/** Both files as they should be, with their paths. */
export function generated() {
  const file = join(root, "package.json");
  const { openclaw: _old, ...manifest } = JSON.parse(readFileSync(file, "utf8"));
  const text = (/** @type {unknown} */ value) => `${JSON.stringify(value, null, 2)}\n`;
  return [
    { path: join(root, "openclaw.plugin.json"), content: text(pluginManifest(manifest.version)) },
    { path: file, content: text({ ...manifest, openclaw: packageBlock(manifest.name) }) },
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  for (const { path, content } of generated()) {
    let current = "";
    try {
      current = readFileSync(path, "utf8");
    } catch {
      // Not written yet.
    }
    if (check && JSON.stringify(JSON.parse(current || "null")) !== JSON.stringify(JSON.parse(content))) {
      console.error(`${path} is out of date: run \`node scripts/build/manifest.mjs\``);
      process.exitCode = 1;
    } else if (!check) {
      writeFileSync(path, content);
    }
  }
}
