/** Flags with a value of their own that make Node run something else than a program file. */
const WITH_VALUE: ReadonlySet<string> = new Set(["-e", "--eval", "-p", "--print", "-pe"]);
/** Flags that must not reach a second process: it would wait for a debugger, listen on the same port, run tests or read standard input. */
const NOT_FOR_WORKERS =
  /^(--inspect|--debug|--test|--watch|--input-type|--check|--interactive|-c$|-i$|--eval=|--print=)/;

/** The flags of this process that a worker needs as well, such as loaders, conditions and limits. */
export function inheritedFlags(execArgv: readonly string[]): string[] {
  const flags: string[] = [];
  for (let index = 0; index < execArgv.length; index += 1) {
    const flag = execArgv[index] ?? "";
    if (WITH_VALUE.has(flag)) index += 1;
    else if (!NOT_FOR_WORKERS.test(flag)) flags.push(flag);
  }
  return flags;
}
