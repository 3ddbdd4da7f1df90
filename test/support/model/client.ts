import type { Answer } from "./answer.ts";
import type { RecordedPrompt } from "./server.ts";

/** A test's hold on the stub model, from whatever process. */
export class ModelControl {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** What the model answers while `marker` is open, one answer a request. */
  async script(marker: string, ...answers: Answer[]): Promise<void> {
    const response = await fetch(`${this.#url}/control/script`, { method: "POST", body: JSON.stringify({ marker, answers }) });
    if (!response.ok) throw new Error(`scripting the model: ${response.status}`);
  }

  /** The requests in which `marker` was open; without one, all. */
  async prompts(marker?: string): Promise<RecordedPrompt[]> {
    const response = await fetch(`${this.#url}/control/prompts${marker ? `?marker=${encodeURIComponent(marker)}` : ""}`);
    return (await response.json()) as RecordedPrompt[];
  }
}
