/** Defers a module to its first use; loading the heavy host subpaths costs seconds in a command-line process. */
export { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
