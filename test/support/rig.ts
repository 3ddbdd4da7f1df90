import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Synapse } from "../homeserver/synapse.ts";
import { Gateway } from "./gateway/gateway.ts";
import { OpenClawHome } from "./gateway/home.ts";
import { ModelControl } from "./model/client.ts";
import { type RecordedPrompt, StubModel } from "./model/server.ts";
import { LocalRegistry } from "./registry.ts";

/** The tarballs that `scripts/build/pack.mjs` makes. */
export interface Packed {
  plugin: string;
  platform: string;
}

/** A plugin of the public registry in the place of ours, to compare with. */
export interface Published {
  /** As `openclaw plugins install` takes it. */
  spec: string;
  /** Where the local registry fetches what it does not have. */
  upstream: string;
}

/** How a test's process finds the rig: `OPENCLAW_MATRIX_RIG`, as JSON. */
export interface RigAddress {
  control: string;
  homeserver: { baseUrl: string; serverName: string; dir: string };
  modelUrl: string;
  home: { dir: string; port: number };
  /** Files the gateway had mapped while `channels.matrix` was not configured. */
  mappedUnconfigured: string[];
}

/** A step of the start, so that a person can be told what happens. */
export type Tell = <T>(what: string, work: () => Promise<T>) => Promise<T>;

/** Everything a scenario needs: homeserver, stub model, registry, a home with the plugin installed from it, a gateway. */
export class Rig {
  readonly homeserver: Synapse;
  readonly model: StubModel;
  readonly registry: LocalRegistry;
  readonly home: OpenClawHome;
  readonly gateway: Gateway;
  #control: Server | undefined;

  private constructor(parts: { homeserver: Synapse; model: StubModel; registry: LocalRegistry; home: OpenClawHome; gateway: Gateway }) {
    this.homeserver = parts.homeserver;
    this.model = parts.model;
    this.registry = parts.registry;
    this.home = parts.home;
    this.gateway = parts.gateway;
  }

  /**
   * Starts everything. `undo` is told at once how to take each part away again, so that a
   * start that fails half-way leaves nothing. With `beforeGateway` the channel can be
   * configured before the gateway's first start.
   */
  static async start(options: {
    packed: Packed | Published;
    tell: Tell;
    undo: (step: () => unknown) => void;
    homeserver?: Synapse;
    beforeGateway?: (rig: { homeserver: Synapse; home: OpenClawHome }) => Promise<void>;
  }): Promise<Rig> {
    const { packed, tell, undo } = options;
    const homeserver = options.homeserver ?? (await tell("Starting the homeserver (Synapse)", () => Synapse.start()));
    if (!options.homeserver) undo(() => homeserver.remove());
    const model = await StubModel.start();
    undo(() => model.stop());
    const published = "spec" in packed ? packed : undefined;
    const registry = await ("spec" in packed ? LocalRegistry.start([], packed.upstream) : LocalRegistry.start([packed.plugin, packed.platform]));
    undo(() => registry.stop());
    const home = await OpenClawHome.create({ modelUrl: model.url, registryUrl: registry.url });
    undo(() => home.remove());
    await tell("Installing the plugin with `openclaw plugins install`", () => home.installPlugin(published?.spec));
    await options.beforeGateway?.({ homeserver, home });
    const gateway = new Gateway(home);
    undo(() => gateway.stop());
    await tell("Starting the gateway", () => gateway.start());
    return new Rig({ homeserver, model, registry, home, gateway });
  }

  /** What the model was asked while `marker` was open. */
  prompts(marker: string): Promise<RecordedPrompt[]> {
    return new ModelControl(this.model.url).prompts(marker);
  }

  /** Lets tests in other processes stop and start the parts that live in this one. */
  async serve(): Promise<RigAddress> {
    const mappedUnconfigured = this.gateway.mappedFiles();
    const calls: Record<string, (argument: unknown) => unknown> = {
      "gateway.start": () => this.gateway.start(),
      "gateway.stop": () => this.gateway.stop(),
      "gateway.kill": () => this.gateway.kill(),
      "gateway.freeze": () => this.gateway.freeze(),
      "gateway.thaw": () => this.gateway.thaw(),
      "gateway.log": () => this.gateway.log,
      "gateway.mappedFiles": () => this.gateway.mappedFiles(),
      "homeserver.stop": () => this.homeserver.stop(),
      "homeserver.kill": () => this.homeserver.kill(),
      "homeserver.resume": () => this.homeserver.resume(),
      "homeserver.freeze": () => this.homeserver.freeze(),
      "homeserver.thaw": () => this.homeserver.thaw(),
    };
    const server = createServer(async (request, response) => {
      const call = calls[decodeURIComponent((request.url ?? "/").slice(1))];
      try {
        if (!call) throw new Error(`no ${request.url} here`);
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ok: (await call(undefined)) ?? null }));
      } catch (error) {
        response.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify({ error: (error as Error).message }));
      }
    });
    // A gateway's start takes longer than the default lets a request take.
    server.requestTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    this.#control = server;
    return {
      control: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      homeserver: { baseUrl: this.homeserver.baseUrl, serverName: this.homeserver.serverName, dir: this.homeserver.dir },
      modelUrl: this.model.url,
      home: { dir: this.home.dir, port: this.home.port },
      mappedUnconfigured,
    };
  }

  unserve(): void {
    this.#control?.closeAllConnections();
    this.#control?.close();
  }
}
