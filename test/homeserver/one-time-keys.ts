import { createPublicKey, verify } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** A one-time key as Synapse keeps it for one device. */
interface StoredKey {
  keyId: string;
  json: { key: string; signatures: Record<string, Record<string, string>> };
}

/** The one-time keys of a device, out of Synapse's own database: no request shows them without taking one. */
function storedKeys(homeserverDir: string, userId: string, deviceId: string): StoredKey[] {
  const database = new DatabaseSync(join(homeserverDir, "homeserver.db"), { readOnly: true });
  try {
    const rows = database.prepare("SELECT key_id, key_json FROM e2e_one_time_keys_json WHERE user_id = ? AND device_id = ?").all(userId, deviceId);
    return rows.map((row) => ({ keyId: String(row.key_id), json: JSON.parse(String(row.key_json)) as StoredKey["json"] }));
  } finally {
    database.close();
  }
}

/** Prefix of an Ed25519 public key in SPKI. */
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

/** How many one-time keys a device has on the homeserver, and how many of them another than its own Ed25519 key has signed. */
export function oneTimeKeySigners(homeserverDir: string, userId: string, deviceId: string, ed25519: string): { own: number; foreign: number } {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_ED25519, Buffer.from(ed25519, "base64")]), format: "der", type: "spki" });
  const count = { own: 0, foreign: 0 };
  for (const { json } of storedKeys(homeserverDir, userId, deviceId)) {
    const signature = json.signatures[userId]?.[`ed25519:${deviceId}`] ?? "";
    // Canonical JSON of what is signed: everything but the signatures.
    const ok = verify(null, Buffer.from(`{"key":"${json.key}"}`), publicKey, Buffer.from(signature, "base64"));
    count[ok ? "own" : "foreign"]++;
  }
  return count;
}
