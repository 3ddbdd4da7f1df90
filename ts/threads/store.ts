/** The account's bindings on disk: a file beside its other state, written whole (BND-6). */
import { join } from "node:path";
import { accountStateDir } from "../config/state.ts";
import { readJsonFileWithFallback, writeJsonFileAtomically } from "../host/json-file.ts";
import { type Binding, readBinding } from "./record.ts";

export interface BindingStore {
  load: () => Promise<Binding[]>;
  save: (bindings: readonly Binding[]) => Promise<void>;
}

export function bindingFile(stateRoot: string, accountId: string): BindingStore {
  const file = join(accountStateDir(stateRoot, accountId), "bindings.json");
  return {
    load: async () => {
      const { value } = await readJsonFileWithFallback<{ bindings?: unknown }>(file, {});
      const stored = Array.isArray(value?.bindings) ? value.bindings : [];
      return stored.map(readBinding).filter((binding) => binding !== undefined);
    },
    save: (bindings) => writeJsonFileAtomically(file, { version: 1, bindings }),
  };
}
