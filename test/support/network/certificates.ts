import { join } from "node:path";

const TLS = join(import.meta.dirname, "tls");

/** PEM file of a root that nobody knows. */
export const TEST_ROOT = join(TLS, "ca.pem");
/** What it has signed, for `localhost` and `127.0.0.1`. */
export const TEST_CERTIFICATE = join(TLS, "cert.pem");
export const TEST_KEY = join(TLS, "key.pem");
