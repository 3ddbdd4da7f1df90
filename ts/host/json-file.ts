/** Small JSON files, replaced as a whole and readable by their owner alone. */
export { readJsonFileWithFallback, writeJsonFileAtomically } from "openclaw/plugin-sdk/json-store";
