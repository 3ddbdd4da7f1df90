/** The manners by their names in the field. */
import type { Fault } from "./rules.ts";

const json = (status: number, body: object, headers: Record<string, string> = {}): Fault => ({
  kind: "answer",
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
});

const html = (status: number, title: string): Fault => ({
  kind: "answer",
  status,
  headers: { "content-type": "text/html; charset=UTF-8", server: "proxy" },
  body: `<!DOCTYPE html>\n<html><head><title>${title}</title></head>\n<body><center><h1>${title}</h1></center><hr></body></html>\n`,
});

/** A reverse proxy whose homeserver is gone. */
export const badGateway = (): Fault => html(502, "502 Bad Gateway");

/** A content delivery network that did not understand the homeserver; no standard status. */
export const unknownError520 = (): Fault => html(520, "520: Web server is returning an unknown error");

/** Too many requests; how long to wait stands in the body, in `Retry-After`, or nowhere. */
export function rateLimited(told: { retryAfterMs?: number; headerSeconds?: number } = {}): Fault {
  return json(
    429,
    { errcode: "M_LIMIT_EXCEEDED", error: "Too Many Requests", ...(told.retryAfterMs === undefined ? {} : { retry_after_ms: told.retryAfterMs }) },
    told.headerSeconds === undefined ? {} : { "retry-after": String(told.headerSeconds) },
  );
}

/** 429 of something before the homeserver that knows no Matrix. */
export const rateLimitedByHtml = (): Fault => html(429, "429 Too Many Requests");

export const internalError = (): Fault => json(500, { errcode: "M_UNKNOWN", error: "Internal server error" });

/** A reverse proxy whose homeserver takes too long. */
export const gatewayTimeout = (): Fault => html(504, "504 Gateway Time-out");

/** The token is no longer accepted: softly, the device lives on; or the device is gone. */
export const loggedOut = (softly: boolean): Fault => json(401, { errcode: "M_UNKNOWN_TOKEN", error: "Unknown access token", soft_logout: softly });
