import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Credentials, login, request } from "../../homeserver/users.ts";

/** Unpadded base64 of the 32 bytes at the end of a public key in SPKI. */
const rawKey = (key: KeyObject): string => key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64").replace(/=+$/, "");

/** Canonical JSON of what has neither floats nor strange strings. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(",")}}`;
}

const AT_ONCE = 8;

/** Gives a user as many more devices, each with signed keys on the homeserver and nobody behind it. */
export async function crowd(user: Credentials, devices: number): Promise<void> {
  let left = devices;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await addDevice(user);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function addDevice(user: Credentials): Promise<void> {
  const device = await login(user.homeserver, user.userId, user.password);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const signed = <T extends object>(value: T): T & { signatures: object } => ({
    ...value,
    signatures: { [user.userId]: { [`ed25519:${device.deviceId}`]: sign(null, Buffer.from(canonical(value)), privateKey).toString("base64").replace(/=+$/, "") } },
  });
  const curve = (): string => rawKey(generateKeyPairSync("x25519").publicKey);
  await request(user.homeserver, "POST", "v3/keys/upload", {
    token: device.accessToken,
    body: {
      device_keys: signed({
        user_id: user.userId,
        device_id: device.deviceId,
        algorithms: ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        keys: { [`curve25519:${device.deviceId}`]: curve(), [`ed25519:${device.deviceId}`]: rawKey(publicKey) },
      }),
      one_time_keys: { "signed_curve25519:AAAAAQ": signed({ key: curve() }) },
    },
  });
}
