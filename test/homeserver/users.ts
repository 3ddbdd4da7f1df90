import { randomBytes } from "node:crypto";

/** A user with one device of theirs. */
export interface Credentials {
  homeserver: string;
  userId: string;
  deviceId: string;
  accessToken: string;
  password: string;
}

/** An answer of the homeserver that is not 2xx. */
export class HomeserverError extends Error {
  readonly status: number;
  readonly body: { errcode?: string; error?: string };

  constructor(status: number, body: { errcode?: string; error?: string }, what: string) {
    super(`${what}: ${status} ${body.errcode ?? ""} ${body.error ?? ""}`);
    this.name = "HomeserverError";
    this.status = status;
    this.body = body;
  }
}

/** One request of the client-server API; `path` starts behind `/_matrix/client/`. */
export async function request<T = Record<string, unknown>>(
  homeserver: string,
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  options: { token?: string; body?: unknown } = {},
): Promise<T> {
  const response = await fetch(`${homeserver}/_matrix/client/${path}`, {
    method,
    headers: {
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const body = (await response.json()) as T & { errcode?: string; error?: string };
  if (!response.ok) throw new HomeserverError(response.status, body, `${method} ${path}`);
  return body;
}

interface LoginAnswer {
  user_id: string;
  device_id: string;
  access_token: string;
}

/** Registers `localpart` with a random password. */
export async function register(homeserver: string, localpart: string, deviceName?: string): Promise<Credentials> {
  const password = randomBytes(12).toString("base64url");
  const answer = await request<LoginAnswer>(homeserver, "POST", "v3/register", {
    body: { username: localpart, password, auth: { type: "m.login.dummy" }, initial_device_display_name: deviceName },
  });
  return { homeserver, userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token, password };
}

/** Logs a user in on a new device. */
export async function login(homeserver: string, userId: string, password: string, deviceName?: string): Promise<Credentials> {
  const answer = await request<LoginAnswer>(homeserver, "POST", "v3/login", {
    body: { type: "m.login.password", identifier: { type: "m.id.user", user: userId }, password, initial_device_display_name: deviceName },
  });
  return { homeserver, userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token, password };
}

/** Ids of all devices of the token's user. */
export async function deviceIds(user: Credentials): Promise<string[]> {
  const { devices } = await request<{ devices: { device_id: string }[] }>(user.homeserver, "GET", "v3/devices", { token: user.accessToken });
  return devices.map((device) => device.device_id).sort();
}

/** Registers `localpart` without logging in: no device, no token. */
export async function registerWithoutDevice(homeserver: string, localpart: string): Promise<{ userId: string; password: string }> {
  const password = randomBytes(12).toString("base64url");
  const answer = await request<{ user_id: string }>(homeserver, "POST", "v3/register", {
    body: { username: localpart, password, auth: { type: "m.login.dummy" }, inhibit_login: true },
  });
  return { userId: answer.user_id, password };
}
