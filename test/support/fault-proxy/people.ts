import type { IncomingHttpHeaders } from "node:http";

interface Device {
  userId: string;
  deviceId: string | undefined;
}

/** Whose token is whose, learned from the logins that pass. */
export class People {
  readonly #devices = new Map<string, Device>();

  static token(headers: IncomingHttpHeaders): string | undefined {
    return /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
  }

  of(headers: IncomingHttpHeaders): Device | undefined {
    const token = People.token(headers);
    return token === undefined ? undefined : this.#devices.get(token);
  }

  /** For a token that was given out past the proxy. */
  learn(token: string, userId: string, deviceId?: string): void {
    this.#devices.set(token, { userId, deviceId });
  }

  /** Whether the answer to this request says whose a token is. */
  static tells(method: string, path: string): boolean {
    return (method === "POST" && /^(?:login|register)$/.test(path)) || (method === "GET" && path === "account/whoami");
  }

  /** Reads such an answer. */
  read(headers: IncomingHttpHeaders, body: Record<string, unknown>): void {
    const token = typeof body.access_token === "string" ? body.access_token : People.token(headers);
    if (token === undefined || typeof body.user_id !== "string") return;
    this.learn(token, body.user_id, typeof body.device_id === "string" ? body.device_id : undefined);
  }
}
