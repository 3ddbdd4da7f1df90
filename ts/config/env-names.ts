/** Names of the variables an account may be configured by, global and scoped to an account. */
import { normalizeAccountId } from "./account-id.ts";

/** What an account may take from the environment, and the ending of each variable. */
const SUFFIXES = {
  homeserver: "HOMESERVER",
  userId: "USER_ID",
  accessToken: "ACCESS_TOKEN",
  password: "PASSWORD",
  deviceId: "DEVICE_ID",
  deviceName: "DEVICE_NAME",
} as const;

export type EnvField = keyof typeof SUFFIXES;
export const ENV_FIELDS = Object.keys(SUFFIXES) as EnvField[];
export const ENV_SUFFIXES = Object.values(SUFFIXES);

/** `MATRIX_HOMESERVER` and its kin. */
export function globalEnvName(field: EnvField): string {
  return `MATRIX_${SUFFIXES[field]}`;
}

/**
 * `MATRIX_OPS_X2D_BOT_HOMESERVER` for account `ops-bot`: letters and digits in
 * upper case, everything else as `_X<hex>_`, so that no two accounts share a name (WIZ-9).
 */
export function scopedEnvName(accountId: string, field: EnvField): string {
  return `MATRIX_${envToken(accountId)}_${SUFFIXES[field]}`;
}

function envToken(accountId: string): string {
  return [...normalizeAccountId(accountId)]
    .map((char) => (/[a-z0-9]/.test(char) ? char.toUpperCase() : `_X${char.codePointAt(0)?.toString(16).toUpperCase()}_`))
    .join("");
}

/** The account a scoped variable's middle part stands for, if it stands for one. */
export function accountOfToken(token: string): string | undefined {
  const text = token.replaceAll(/_X([0-9A-F]{1,6})_/g, (whole, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
  const id = normalizeAccountId(text.toLowerCase());
  return envToken(id) === token ? id : undefined;
}
