import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { TEST_CERTIFICATE, TEST_KEY, TEST_ROOT } from "../support/network/certificates.ts";

/** Above anything a test does. */
const UNLIMITED = { per_second: 10_000, burst_count: 10_000 };

/** Other homeservers of this machine are talked to, over TLS that the test root vouches for. */
const FEDERATION = {
  tls_certificate_path: TEST_CERTIFICATE,
  tls_private_key_path: TEST_KEY,
  federation_custom_ca_list: [TEST_ROOT],
  ip_range_whitelist: ["127.0.0.1"],
  // One that was too slow is asked again at once.
  federation: { destination_min_retry_interval: "1s", destination_max_retry_interval: "1s" },
  rc_federation: { window_size: 1000, sleep_limit: 10_000, sleep_delay: 0, reject_limit: 10_000, concurrent: 100 },
};

/** Synapse's configuration; JSON is YAML. */
export function synapseConfig(options: { dir: string; serverName: string; port: number; federationPort?: number }): object {
  const { dir, serverName, port, federationPort } = options;
  const http = { type: "http", bind_addresses: ["127.0.0.1"] };
  const federated = federationPort !== undefined;
  return {
    server_name: serverName,
    public_baseurl: `http://127.0.0.1:${port}/`,
    pid_file: join(dir, "homeserver.pid"),
    listeners: [{ ...http, port, resources: [{ names: ["client"] }] }, ...(federated ? [{ ...http, port: federationPort, tls: true, resources: [{ names: ["federation"] }] }] : [])],
    database: { name: "sqlite3", args: { database: join(dir, "homeserver.db") } },
    log_config: join(dir, "log.yaml"),
    media_store_path: join(dir, "media"),
    signing_key_path: join(dir, "signing.key"),
    trusted_key_servers: [],
    suppress_key_server_warning: true,
    report_stats: false,
    macaroon_secret_key: randomBytes(32).toString("base64"),
    form_secret: randomBytes(32).toString("base64"),
    enable_registration: true,
    enable_registration_without_verification: true,
    // Cheap hashes: dozens of people are registered a run.
    bcrypt_rounds: 4,
    presence: { enabled: true },
    // Messages that delete themselves (MSC2228).
    enable_ephemeral_messages: true,
    experimental_features: { msc3575_enabled: true },
    rc_message: UNLIMITED,
    rc_registration: UNLIMITED,
    rc_registration_token_validity: UNLIMITED,
    rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
    rc_admin_redaction: UNLIMITED,
    rc_joins: { local: UNLIMITED, remote: UNLIMITED },
    rc_joins_per_room: UNLIMITED,
    rc_key_requests: UNLIMITED,
    rc_3pid_validation: UNLIMITED,
    rc_invites: { per_room: UNLIMITED, per_user: UNLIMITED, per_issuer: UNLIMITED },
    rc_third_party_invite: UNLIMITED,
    rc_media_create: UNLIMITED,
    rc_presence: { per_user: UNLIMITED },
    rc_delayed_event_mgmt: UNLIMITED,
    rc_room_creation: UNLIMITED,
    rc_reports: UNLIMITED,
    rc_user_directory: UNLIMITED,
    rc_profile: UNLIMITED,
    ...(federated ? FEDERATION : {}),
  };
}

/** Warnings and worse, on standard error. */
export const synapseLogConfig = {
  version: 1,
  formatters: { line: { format: "%(asctime)s %(levelname)s %(name)s %(message)s" } },
  handlers: { stderr: { class: "logging.StreamHandler", formatter: "line" } },
  root: { level: "WARNING", handlers: ["stderr"] },
  disable_existing_loggers: false,
};
