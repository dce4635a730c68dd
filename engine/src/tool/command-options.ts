import { show } from "../util/duration.ts";

/** How an executable is a tool. */
export interface CommandOptions {
  /**
   * The program and its arguments, such as `["jq", ".a"]`. No shell reads them. The program is looked up in `PATH`. It gets the input as JSON
   * on its standard input, and nothing where the call has no input.
   */
  readonly command: readonly [string, ...string[]];
  /**
   * What standard output is: `text` (the default) as it is, without its last line break; `json` is parsed, and output that is not JSON is
   * a `tool-error`. It is never guessed: the type of a result must not depend on what it says.
   */
  readonly output?: "text" | "json" | undefined;
  /** Where it runs. Default: the working directory of this process as the call starts. */
  readonly cwd?: string | undefined;
  /** Changes to this process's environment; `undefined` takes a variable away. */
  readonly env?: { readonly [variable: string]: string | undefined } | undefined;
}

/** The options compiled. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly output: "text" | "json";
  readonly cwd: string | undefined;
  readonly env: { readonly [variable: string]: string | undefined };
}

export const COMMAND_KEYS = ["command", "output", "cwd", "env"] as const;

/** @throws TypeError or RangeError that names the option, the value and what it may be */
export function compileCommand(options: CommandOptions, tool: string): Command {
  const { command, output = "text", cwd, env = {} } = options;
  const what = `tool ${tool}`;
  if (!Array.isArray(command) || command.length === 0) {
    throw new TypeError(
      `${what} command must be an array of the program and its arguments, got ${Array.isArray(command) && command.length === 0 ? "an empty one" : show(command)}`,
    );
  }
  for (const part of command) requireText(part, `${what} command`);
  const [program, ...args] = command as [string, ...string[]];
  if (program === "") throw new TypeError(`${what} command must name a program, got ""`);
  if (output !== "text" && output !== "json") {
    throw new TypeError(`${what} output must be "text" or "json", got ${show(output)}`);
  }
  if (cwd !== undefined) requireText(cwd, `${what} cwd`);
  if (typeof env !== "object" || env === null || Array.isArray(env)) {
    throw new TypeError(`${what} env must be an object of texts, got ${show(env)}`);
  }
  for (const [variable, value] of Object.entries(env)) {
    if (value !== undefined) requireText(value, `${what} env ${variable}`);
  }
  return { program, args, output, cwd, env: { ...env } };
}

function requireText(value: unknown, option: string): void {
  if (typeof value !== "string" || value.includes("\0")) {
    throw new TypeError(`${option} must be a text without NUL, got ${show(value)}`);
  }
}
