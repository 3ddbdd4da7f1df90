import { randomBytes } from "node:crypto";
import { type Credentials, login, register } from "./users.ts";

/** What a test in any process can do with a running homeserver. */
export class Homeserver {
  readonly baseUrl: string;
  /** The part of ids behind the colon. */
  readonly serverName: string;

  constructor(baseUrl: string, serverName: string) {
    this.baseUrl = baseUrl;
    this.serverName = serverName;
  }

  /** A new user `@<prefix>-<random>:<server name>` with a device and a token. */
  register(prefix: string, deviceName?: string): Promise<Credentials> {
    return register(this.baseUrl, `${prefix}-${randomBytes(4).toString("hex")}`, deviceName);
  }

  /** A further device of a user. */
  login(userId: string, password: string, deviceName?: string): Promise<Credentials> {
    return login(this.baseUrl, userId, password, deviceName);
  }
}
