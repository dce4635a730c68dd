import { CallHistory } from "./history.ts";
import { Usage } from "./usage.ts";

/** The tree of calls of one agent run: it owns the loop history and the counts per run. */
export class Run {
  readonly id: string;
  readonly usage = new Usage();
  readonly #histories = new Map<string, CallHistory>();

  constructor(id: string) {
    this.id = id;
  }

  /** Loops are seen per agent and task: two agents may ask the same question. */
  history(agent: string | undefined, task: string | undefined): CallHistory {
    const key = JSON.stringify([agent ?? null, task ?? null]);
    let history = this.#histories.get(key);
    if (!history) {
      history = new CallHistory();
      this.#histories.set(key, history);
    }
    return history;
  }
}
