// Generated from protocol/options.json by `dev gen`; do not edit.

export type Preset = "lenient" | "standard" | "strict";

export type Level = "engine" | "agent" | "tool" | "call";

/** Starts per window of time. */
export interface Rate {
  readonly starts: number;
  readonly windowMs: number;
}

/** What one call may say of its limits. */
export interface CallPolicyOptions {
  /** How long a call's body may take, with all its attempts; the clock starts when the first one starts. None is no deadline. For a Python worker, what it takes to make the tool and input ready is part of it, and the result is rebuilt in what is left, or in 1 s where less is left. An MCP tool has 120 s, 60 s or 30 s unless something else is said; a tool that delegates or waits for a person has no deadline (strict: 600 s) unless its agent, tool or call names one. Default 600s (lenient), 120s (standard), 30s (strict). */
  readonly timeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly timeoutMs?: number | null | undefined;
}

/** The limits of one tool. What is left out comes from its agent's, then the engine's. */
export interface PolicyOptions {
  /** How long a call's body may take, with all its attempts; the clock starts when the first one starts. None is no deadline. For a Python worker, what it takes to make the tool and input ready is part of it, and the result is rebuilt in what is left, or in 1 s where less is left. An MCP tool has 120 s, 60 s or 30 s unless something else is said; a tool that delegates or waits for a person has no deadline (strict: 600 s) unless its agent, tool or call names one. Default 600s (lenient), 120s (standard), 30s (strict). */
  readonly timeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly timeoutMs?: number | null | undefined;
  /** Bodies of one tool that the engine starts, over all its runs. A use is given back only if the body certainly did not start. Default none. */
  readonly maxCalls?: number | null | undefined;
  /** Bodies of one tool that one run starts. Default none. */
  readonly maxCallsPerRun?: number | null | undefined;
  /** Calls of one tool that have no outcome yet, over all runs of the engine: those that run and those that wait. A further one is rejected. Default none. */
  readonly maxInFlight?: number | null | undefined;
  /** Calls of one tool that run at once, over all runs of the engine. Further ones wait, the runs in turn; maxInFlight bounds how many. A host body that goes on after its deadline is not counted any more. Default none. */
  readonly maxConcurrent?: number | null | undefined;
  /** Names of what each call of the tool needs for itself while it runs, such as ["database"]: two calls that name the same do not run at once, whatever their tools. The engine's option resources says of which there are more than one: {"database": 3}. Default none. */
  readonly resources?: readonly string[] | undefined;
  /** How long a call waits for its turn under maxConcurrent, maxTotalConcurrent and resources, and for a worker; the clock starts when it is admitted. The attempt's timeout starts after that. A schema that answers later (TypeScript) is waited for as long as this or the timeout, whichever is shorter. Default 1h (lenient), 10m (standard), 1m (strict). */
  readonly waitTimeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly waitTimeoutMs?: number | null | undefined;
  /** How long the body of a cancelled call on the host has to end, before the outcome says that it may still be running. In a worker it is killed at once. Default 500ms. */
  readonly cancelGrace?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly cancelGraceMs?: number | undefined;
  /** Starts of one tool per window of time, such as "10/1m": exact over every window of that length, not over fixed ones. Default none. */
  readonly rateLimit?: string | null | undefined;
  /** Failures of one tool in a row that open its breaker: its calls are rejected until the cooldown is over, then one call tries. Default none. */
  readonly maxConsecutiveFailures?: number | null | undefined;
  /** How long an open breaker rejects; the clock starts with the failure that opened it. Default 30s. */
  readonly breakerCooldown?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly breakerCooldownMs?: number | undefined;
  /** How often one tool may stand on its own path: its first call and those that its body brings about. Delegation counts by coworker. Default 4 (lenient), 2 (standard), 1 (strict). */
  readonly maxReentry?: number | null | undefined;
  /** Where the body runs: in the caller's process, or in a process that is killed with all it started. Moving a tool is never automatic. Default host. */
  readonly placement?: "host" | "worker" | undefined;
  /** CPU time of one call in a worker, over all processes it starts. Default none. */
  readonly cpuTime?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly cpuTimeMs?: number | null | undefined;
  /** Memory of one call in a worker above what the worker had before, over all processes it starts. Default none (lenient), 2GB (standard), 512MB (strict). */
  readonly memory?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly memoryBytes?: number | null | undefined;
  /** Processes of one call in a worker that live at once, beside the worker itself. Default none. */
  readonly maxProcesses?: number | null | undefined;
  /** Size of one call's result as a worker sends it. Default none. */
  readonly maxOutput?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly maxOutputBytes?: number | null | undefined;
  /** How much of one result the model reads, as UTF-8: of a larger one its size and its beginning. The application has the whole. Default 1MB (lenient), 100kB (standard), 20kB (strict). */
  readonly maxResult?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly maxResultBytes?: number | null | undefined;
  /** A call is answered with the result of an earlier one that had the same input, in whatever run; no body runs for it. Identical calls at once share one body. Failures are not kept, nor results that cannot be encoded without loss. An answer counts for loops, but for no limit of bodies. Default false. */
  readonly cache?: boolean | undefined;
  /** How long a kept result answers; the clock starts when its body has ended. Default 5m. */
  readonly cacheTtl?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly cacheTtlMs?: number | null | undefined;
  /** Results of the tool that are kept; past it the one used longest ago goes. Default 1000. */
  readonly maxCacheEntries?: number | undefined;
  /** The same by their size as they are kept. A larger result is not kept. Default 64MB. */
  readonly maxCache?: string | undefined;
  /** The same in bytes. Give one of the two. */
  readonly maxCacheBytes?: number | undefined;
  /** Bodies that one call may start: another one where the one before raised or crashed and the tool is readOnly or idempotent, or where it certainly did not start (the tool could not be loaded). All of them, and the waits between them, lie within the call's timeout; each counts for the limits of bodies. While it waits the call keeps its turn. Default 1. */
  readonly maxAttempts?: number | undefined;
  /** The longest wait before the second attempt; it doubles with each further one. The wait is drawn evenly from 0 to that, so that calls which failed together do not come back together. Default 1s. */
  readonly retryDelay?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly retryDelayMs?: number | undefined;
  /** The longest wait before any attempt. Default 30s. */
  readonly maxRetryDelay?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly maxRetryDelayMs?: number | undefined;
  /** Bodies of one tool on the host that go on although their call has its outcome: with that many, its next calls there are rejected. In a worker such a body is killed. Default 8. */
  readonly maxStuck?: number | null | undefined;
  /** What the tool waits for: nothing special, another agent, a person, an MCP server. It decides the default timeout. Default ordinary. */
  readonly kind?: "ordinary" | "delegation" | "human" | "mcp" | undefined;
  /** The tool is meant to be asked the same thing until its answer changes: only pollReject bounds its unchanged answers, and it is no part of a cycle. Default false. */
  readonly poller?: boolean | undefined;
  /** The tool changes nothing (MCP: readOnlyHint). Undeclared, a tool may have effects. Default false. */
  readonly readOnly?: boolean | undefined;
  /** The same call again has no further effect (MCP: idempotentHint). Default false. */
  readonly idempotent?: boolean | undefined;
  /** At most one body for one input in a run (in CrewAI a kickoff, with all that is done again in it; outside any run, in the engine): the same call again is answered with what came of the first, also with its failure. While the first is under way it waits for that answer, within its own timeout and waitTimeout; if nobody knows how the first ended, it is rejected. A call with an idempotency key goes by that instead. An input that cannot be encoded is refused. Default false. */
  readonly once?: boolean | undefined;
  /** The same input gave the same result this many times, and no other call brought anything new since: the model is told. Results are compared as plain data up to 1 MB; in TypeScript as what toJSON or structured clone gives of an instance. What has no such form (a function, a Response, a class with hidden fields only) is not compared: describe() then says so as comparedResults. Default 5 (lenient), 3 (standard), 2 (strict). */
  readonly sameCallNotice?: number | null | undefined;
  /** This call of the same input is rejected if all before it gave the same result, and no other call brought anything new since. Not after repeatPause: then pollReject holds. Default 8 (lenient), 4 (standard), 3 (strict). */
  readonly sameCallReject?: number | null | undefined;
  /** The same for a poller, and for a call that comes after repeatPause. Default 100 (lenient), 30 (standard), 10 (strict). */
  readonly pollReject?: number | null | undefined;
  /** What a guard against loops refuses is let through again, one call at a time, so long after it was refused: for a call that repeats itself twice as long with each time that this was in vain. Also if a wait lies between: a call that took so long, or as long as a number in its input says (`sleep(seconds=2)`). Default 2s (lenient), 5s (standard), 30s (strict). */
  readonly repeatPause?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly repeatPauseMs?: number | undefined;
  /** A cycle of 2 to 8 calls with the same results was gone through this many times: the model is told. In a cycle nothing is new. Default 3 (lenient), 2 (standard), 2 (strict). */
  readonly cycleNotice?: number | null | undefined;
  /** This round of such a cycle is rejected, from its first call on. Default 5 (lenient), 3 (standard), 3 (strict). */
  readonly cycleReject?: number | null | undefined;
  /** So many different inputs in a row, no other tool in between, gave one and the same result: the model is told. The preset holds for readOnly tools only: of others, the same answer to each call is how work looks. Default none (lenient), 8 (standard), 5 (strict). */
  readonly sameResultNotice?: number | null | undefined;
  /** This call is rejected if the inputs before it all gave one and the same result and no other tool was used since. The preset holds for readOnly tools only. Default none (lenient), none (standard), 8 (strict). */
  readonly sameResultReject?: number | null | undefined;
  /** So many different inputs in a row failed in the same way: the model is told. Default 10 (lenient), 5 (standard), 3 (strict). */
  readonly sameFailureNotice?: number | null | undefined;
  /** This call is rejected if the inputs before it all failed in the same way and no other tool was used since. After repeatPause one tries again. Such a rejection does not count towards rejectionsToEndAgent. Default 20 (lenient), 8 (standard), 5 (strict). */
  readonly sameFailureReject?: number | null | undefined;
  /** Names of fields whose values are written nowhere but in what a tool is given: instead of them *** stands in journals, events, previews, notices, and texts of errors, wherever they are nested. Case and separators do not matter, api_key is also apiKey and MY-API-KEY. Whoever names some names them in place of the default; "*" is every field of the tool, and its results. Default ['password', 'passwords', 'passwd', 'pwd', 'passphrase', 'passcode', 'secret', 'secrets', 'token', 'api_key', 'access_key', 'private_key', 'authorization', 'auth', 'bearer', 'credential', 'credentials', 'cookie', 'cookies', 'otp', 'cvv']. */
  readonly redact?: readonly string[] | undefined;
}

/** The limits of all tools of one agent. */
export interface AgentOptions {
  /** How long a call's body may take, with all its attempts; the clock starts when the first one starts. None is no deadline. For a Python worker, what it takes to make the tool and input ready is part of it, and the result is rebuilt in what is left, or in 1 s where less is left. An MCP tool has 120 s, 60 s or 30 s unless something else is said; a tool that delegates or waits for a person has no deadline (strict: 600 s) unless its agent, tool or call names one. Default 600s (lenient), 120s (standard), 30s (strict). */
  readonly timeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly timeoutMs?: number | null | undefined;
  /** Bodies of one tool that the engine starts, over all its runs. A use is given back only if the body certainly did not start. Default none. */
  readonly maxCalls?: number | null | undefined;
  /** Bodies of one tool that one run starts. Default none. */
  readonly maxCallsPerRun?: number | null | undefined;
  /** Calls of one tool that have no outcome yet, over all runs of the engine: those that run and those that wait. A further one is rejected. Default none. */
  readonly maxInFlight?: number | null | undefined;
  /** How long a call waits for its turn under maxConcurrent, maxTotalConcurrent and resources, and for a worker; the clock starts when it is admitted. The attempt's timeout starts after that. A schema that answers later (TypeScript) is waited for as long as this or the timeout, whichever is shorter. Default 1h (lenient), 10m (standard), 1m (strict). */
  readonly waitTimeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly waitTimeoutMs?: number | null | undefined;
  /** How long the body of a cancelled call on the host has to end, before the outcome says that it may still be running. In a worker it is killed at once. Default 500ms. */
  readonly cancelGrace?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly cancelGraceMs?: number | undefined;
  /** Starts of one tool per window of time, such as "10/1m": exact over every window of that length, not over fixed ones. Default none. */
  readonly rateLimit?: string | null | undefined;
  /** Failures of one tool in a row that open its breaker: its calls are rejected until the cooldown is over, then one call tries. Default none. */
  readonly maxConsecutiveFailures?: number | null | undefined;
  /** How long an open breaker rejects; the clock starts with the failure that opened it. Default 30s. */
  readonly breakerCooldown?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly breakerCooldownMs?: number | undefined;
  /** How often one tool may stand on its own path: its first call and those that its body brings about. Delegation counts by coworker. Default 4 (lenient), 2 (standard), 1 (strict). */
  readonly maxReentry?: number | null | undefined;
  /** Where the body runs: in the caller's process, or in a process that is killed with all it started. Moving a tool is never automatic. Default host. */
  readonly placement?: "host" | "worker" | undefined;
  /** CPU time of one call in a worker, over all processes it starts. Default none. */
  readonly cpuTime?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly cpuTimeMs?: number | null | undefined;
  /** Memory of one call in a worker above what the worker had before, over all processes it starts. Default none (lenient), 2GB (standard), 512MB (strict). */
  readonly memory?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly memoryBytes?: number | null | undefined;
  /** Processes of one call in a worker that live at once, beside the worker itself. Default none. */
  readonly maxProcesses?: number | null | undefined;
  /** Size of one call's result as a worker sends it. Default none. */
  readonly maxOutput?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly maxOutputBytes?: number | null | undefined;
  /** How much of one result the model reads, as UTF-8: of a larger one its size and its beginning. The application has the whole. Default 1MB (lenient), 100kB (standard), 20kB (strict). */
  readonly maxResult?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly maxResultBytes?: number | null | undefined;
  /** Bodies that one call may start: another one where the one before raised or crashed and the tool is readOnly or idempotent, or where it certainly did not start (the tool could not be loaded). All of them, and the waits between them, lie within the call's timeout; each counts for the limits of bodies. While it waits the call keeps its turn. Default 1. */
  readonly maxAttempts?: number | undefined;
  /** The longest wait before the second attempt; it doubles with each further one. The wait is drawn evenly from 0 to that, so that calls which failed together do not come back together. Default 1s. */
  readonly retryDelay?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly retryDelayMs?: number | undefined;
  /** The longest wait before any attempt. Default 30s. */
  readonly maxRetryDelay?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly maxRetryDelayMs?: number | undefined;
  /** Bodies of one tool on the host that go on although their call has its outcome: with that many, its next calls there are rejected. In a worker such a body is killed. Default 8. */
  readonly maxStuck?: number | null | undefined;
  /** The same input gave the same result this many times, and no other call brought anything new since: the model is told. Results are compared as plain data up to 1 MB; in TypeScript as what toJSON or structured clone gives of an instance. What has no such form (a function, a Response, a class with hidden fields only) is not compared: describe() then says so as comparedResults. Default 5 (lenient), 3 (standard), 2 (strict). */
  readonly sameCallNotice?: number | null | undefined;
  /** This call of the same input is rejected if all before it gave the same result, and no other call brought anything new since. Not after repeatPause: then pollReject holds. Default 8 (lenient), 4 (standard), 3 (strict). */
  readonly sameCallReject?: number | null | undefined;
  /** The same for a poller, and for a call that comes after repeatPause. Default 100 (lenient), 30 (standard), 10 (strict). */
  readonly pollReject?: number | null | undefined;
  /** What a guard against loops refuses is let through again, one call at a time, so long after it was refused: for a call that repeats itself twice as long with each time that this was in vain. Also if a wait lies between: a call that took so long, or as long as a number in its input says (`sleep(seconds=2)`). Default 2s (lenient), 5s (standard), 30s (strict). */
  readonly repeatPause?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly repeatPauseMs?: number | undefined;
  /** A cycle of 2 to 8 calls with the same results was gone through this many times: the model is told. In a cycle nothing is new. Default 3 (lenient), 2 (standard), 2 (strict). */
  readonly cycleNotice?: number | null | undefined;
  /** This round of such a cycle is rejected, from its first call on. Default 5 (lenient), 3 (standard), 3 (strict). */
  readonly cycleReject?: number | null | undefined;
  /** So many different inputs in a row, no other tool in between, gave one and the same result: the model is told. The preset holds for readOnly tools only: of others, the same answer to each call is how work looks. Default none (lenient), 8 (standard), 5 (strict). */
  readonly sameResultNotice?: number | null | undefined;
  /** This call is rejected if the inputs before it all gave one and the same result and no other tool was used since. The preset holds for readOnly tools only. Default none (lenient), none (standard), 8 (strict). */
  readonly sameResultReject?: number | null | undefined;
  /** So many different inputs in a row failed in the same way: the model is told. Default 10 (lenient), 5 (standard), 3 (strict). */
  readonly sameFailureNotice?: number | null | undefined;
  /** This call is rejected if the inputs before it all failed in the same way and no other tool was used since. After repeatPause one tries again. Such a rejection does not count towards rejectionsToEndAgent. Default 20 (lenient), 8 (standard), 5 (strict). */
  readonly sameFailureReject?: number | null | undefined;
}

/** The limits of an engine, and of every tool where nothing nearer says else. */
export interface EngineLimitOptions {
  /** How long a call's body may take, with all its attempts; the clock starts when the first one starts. None is no deadline. For a Python worker, what it takes to make the tool and input ready is part of it, and the result is rebuilt in what is left, or in 1 s where less is left. An MCP tool has 120 s, 60 s or 30 s unless something else is said; a tool that delegates or waits for a person has no deadline (strict: 600 s) unless its agent, tool or call names one. Default 600s (lenient), 120s (standard), 30s (strict). */
  readonly timeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly timeoutMs?: number | null | undefined;
  /** Bodies of one tool that the engine starts, over all its runs. A use is given back only if the body certainly did not start. Default none. */
  readonly maxCalls?: number | null | undefined;
  /** Bodies of one tool that one run starts. Default none. */
  readonly maxCallsPerRun?: number | null | undefined;
  /** Calls of one tool that have no outcome yet, over all runs of the engine: those that run and those that wait. A further one is rejected. Default none. */
  readonly maxInFlight?: number | null | undefined;
  /** Calls of one tool that run at once, over all runs of the engine. Further ones wait, the runs in turn; maxInFlight bounds how many. A host body that goes on after its deadline is not counted any more. Default none. */
  readonly maxConcurrent?: number | null | undefined;
  /** The same over all tools of the engine. Default none. */
  readonly maxTotalConcurrent?: number | null | undefined;
  /** How long a call waits for its turn under maxConcurrent, maxTotalConcurrent and resources, and for a worker; the clock starts when it is admitted. The attempt's timeout starts after that. A schema that answers later (TypeScript) is waited for as long as this or the timeout, whichever is shorter. Default 1h (lenient), 10m (standard), 1m (strict). */
  readonly waitTimeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly waitTimeoutMs?: number | null | undefined;
  /** How long the body of a cancelled call on the host has to end, before the outcome says that it may still be running. In a worker it is killed at once. Default 500ms. */
  readonly cancelGrace?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly cancelGraceMs?: number | undefined;
  /** Starts of one tool per window of time, such as "10/1m": exact over every window of that length, not over fixed ones. Default none. */
  readonly rateLimit?: string | null | undefined;
  /** Failures of one tool in a row that open its breaker: its calls are rejected until the cooldown is over, then one call tries. Default none. */
  readonly maxConsecutiveFailures?: number | null | undefined;
  /** How long an open breaker rejects; the clock starts with the failure that opened it. Default 30s. */
  readonly breakerCooldown?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly breakerCooldownMs?: number | undefined;
  /** How often one tool may stand on its own path: its first call and those that its body brings about. Delegation counts by coworker. Default 4 (lenient), 2 (standard), 1 (strict). */
  readonly maxReentry?: number | null | undefined;
  /** Where the body runs: in the caller's process, or in a process that is killed with all it started. Moving a tool is never automatic. Default host. */
  readonly placement?: "host" | "worker" | undefined;
  /** Which stream of the host has what a body in a worker prints, that is, writes to its standard output. The host's standard output may be a protocol, such as that of an MCP server, which one print would break; so it is standard error unless you say stdout. What a Python module prints as a worker imports it goes to standard error always. A command's standard output is its result. Default stderr. */
  readonly workerStdout?: "stderr" | "stdout" | undefined;
  /** CPU time of one call in a worker, over all processes it starts. Default none. */
  readonly cpuTime?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly cpuTimeMs?: number | null | undefined;
  /** Memory of one call in a worker above what the worker had before, over all processes it starts. Default none (lenient), 2GB (standard), 512MB (strict). */
  readonly memory?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly memoryBytes?: number | null | undefined;
  /** Processes of one call in a worker that live at once, beside the worker itself. Default none. */
  readonly maxProcesses?: number | null | undefined;
  /** Size of one call's result as a worker sends it. Default none. */
  readonly maxOutput?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly maxOutputBytes?: number | null | undefined;
  /** How much of one result the model reads, as UTF-8: of a larger one its size and its beginning. The application has the whole. Default 1MB (lenient), 100kB (standard), 20kB (strict). */
  readonly maxResult?: string | null | undefined;
  /** The same in bytes. Give one of the two. */
  readonly maxResultBytes?: number | null | undefined;
  /** Bodies that one call may start: another one where the one before raised or crashed and the tool is readOnly or idempotent, or where it certainly did not start (the tool could not be loaded). All of them, and the waits between them, lie within the call's timeout; each counts for the limits of bodies. While it waits the call keeps its turn. Default 1. */
  readonly maxAttempts?: number | undefined;
  /** The longest wait before the second attempt; it doubles with each further one. The wait is drawn evenly from 0 to that, so that calls which failed together do not come back together. Default 1s. */
  readonly retryDelay?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly retryDelayMs?: number | undefined;
  /** The longest wait before any attempt. Default 30s. */
  readonly maxRetryDelay?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly maxRetryDelayMs?: number | undefined;
  /** Bodies of one tool on the host that go on although their call has its outcome: with that many, its next calls there are rejected. In a worker such a body is killed. Default 8. */
  readonly maxStuck?: number | null | undefined;
  /** The same input gave the same result this many times, and no other call brought anything new since: the model is told. Results are compared as plain data up to 1 MB; in TypeScript as what toJSON or structured clone gives of an instance. What has no such form (a function, a Response, a class with hidden fields only) is not compared: describe() then says so as comparedResults. Default 5 (lenient), 3 (standard), 2 (strict). */
  readonly sameCallNotice?: number | null | undefined;
  /** This call of the same input is rejected if all before it gave the same result, and no other call brought anything new since. Not after repeatPause: then pollReject holds. Default 8 (lenient), 4 (standard), 3 (strict). */
  readonly sameCallReject?: number | null | undefined;
  /** The same for a poller, and for a call that comes after repeatPause. Default 100 (lenient), 30 (standard), 10 (strict). */
  readonly pollReject?: number | null | undefined;
  /** What a guard against loops refuses is let through again, one call at a time, so long after it was refused: for a call that repeats itself twice as long with each time that this was in vain. Also if a wait lies between: a call that took so long, or as long as a number in its input says (`sleep(seconds=2)`). Default 2s (lenient), 5s (standard), 30s (strict). */
  readonly repeatPause?: string | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly repeatPauseMs?: number | undefined;
  /** A cycle of 2 to 8 calls with the same results was gone through this many times: the model is told. In a cycle nothing is new. Default 3 (lenient), 2 (standard), 2 (strict). */
  readonly cycleNotice?: number | null | undefined;
  /** This round of such a cycle is rejected, from its first call on. Default 5 (lenient), 3 (standard), 3 (strict). */
  readonly cycleReject?: number | null | undefined;
  /** So many different inputs in a row, no other tool in between, gave one and the same result: the model is told. The preset holds for readOnly tools only: of others, the same answer to each call is how work looks. Default none (lenient), 8 (standard), 5 (strict). */
  readonly sameResultNotice?: number | null | undefined;
  /** This call is rejected if the inputs before it all gave one and the same result and no other tool was used since. The preset holds for readOnly tools only. Default none (lenient), none (standard), 8 (strict). */
  readonly sameResultReject?: number | null | undefined;
  /** So many different inputs in a row failed in the same way: the model is told. Default 10 (lenient), 5 (standard), 3 (strict). */
  readonly sameFailureNotice?: number | null | undefined;
  /** This call is rejected if the inputs before it all failed in the same way and no other tool was used since. After repeatPause one tries again. Such a rejection does not count towards rejectionsToEndAgent. Default 20 (lenient), 8 (standard), 5 (strict). */
  readonly sameFailureReject?: number | null | undefined;
  /** How deep calls may nest; a call that no body made is at depth 1. Default 16 (lenient), 8 (standard), 4 (strict). */
  readonly maxDepth?: number | undefined;
  /** Bodies that one run may start, of all tools, over its whole tree. Default none (lenient), none (standard), 1000 (strict). */
  readonly budgetCalls?: number | null | undefined;
  /** Calls of one run that may fail, time out or crash: when so many have, no further one is admitted. Default none. */
  readonly budgetFailures?: number | null | undefined;
  /** How long one run may go on calling; the clock starts when the run is opened. A call's deadline is never later. Default none. */
  readonly budgetWallTime?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly budgetWallTimeMs?: number | null | undefined;
  /** The sum of the durations of one run's outermost calls (what they call lies within). A call's deadline is never later than what is left at its start. Default none. */
  readonly budgetToolTime?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly budgetToolTimeMs?: number | null | undefined;
  /** So many rejections in a row end the agent at its task: it gets no more calls there. Other agents, tasks and crews of the run go on. Those of one batch count as one, those that pass by themselves not at all; a call that is let through, and a new result, start the count anew. Default 8 (lenient), 5 (standard), 2 (strict). */
  readonly rejectionsToEndAgent?: number | null | undefined;
  /** So many agents that were ended at a task end the whole run. Default none. */
  readonly endedAgentsToEndRun?: number | null | undefined;
  /** Names of fields whose values are written nowhere but in what a tool is given: instead of them *** stands in journals, events, previews, notices, and texts of errors, wherever they are nested. Case and separators do not matter, api_key is also apiKey and MY-API-KEY. Whoever names some names them in place of the default; "*" is every field of the tool, and its results. Default ['password', 'passwords', 'passwd', 'pwd', 'passphrase', 'passcode', 'secret', 'secrets', 'token', 'api_key', 'access_key', 'private_key', 'authorization', 'auth', 'bearer', 'credential', 'credentials', 'cookie', 'cookies', 'otp', 'cvv']. */
  readonly redact?: readonly string[] | undefined;
  /** With observe every decision is made and reported, no call is rejected, and none waits for its turn. Default enforce. */
  readonly mode?: "enforce" | "observe" | undefined;
  /** The defaults of everything that is not said. Default standard. */
  readonly preset?: "lenient" | "standard" | "strict" | undefined;
}

/** Every option compiled: all known, units in the names. */
export interface Policy {
  readonly timeoutMs: number | null;
  readonly maxCalls: number | null;
  readonly maxCallsPerRun: number | null;
  readonly maxInFlight: number | null;
  readonly maxConcurrent: number | null;
  readonly maxTotalConcurrent: number | null;
  readonly resources: readonly string[];
  readonly waitTimeoutMs: number | null;
  readonly cancelGraceMs: number;
  readonly rateLimit: Rate | null;
  readonly maxConsecutiveFailures: number | null;
  readonly breakerCooldownMs: number;
  readonly maxReentry: number | null;
  readonly placement: "host" | "worker";
  readonly workerStdout: "stderr" | "stdout";
  readonly cpuTimeMs: number | null;
  readonly memoryBytes: number | null;
  readonly maxProcesses: number | null;
  readonly maxOutputBytes: number | null;
  readonly maxResultBytes: number | null;
  readonly cache: boolean;
  readonly cacheTtlMs: number | null;
  readonly maxCacheEntries: number;
  readonly maxCacheBytes: number;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  readonly maxRetryDelayMs: number;
  readonly maxStuck: number | null;
  readonly kind: "ordinary" | "delegation" | "human" | "mcp";
  readonly poller: boolean;
  readonly readOnly: boolean;
  readonly idempotent: boolean;
  readonly once: boolean;
  readonly sameCallNotice: number | null;
  readonly sameCallReject: number | null;
  readonly pollReject: number | null;
  readonly repeatPauseMs: number;
  readonly cycleNotice: number | null;
  readonly cycleReject: number | null;
  readonly sameResultNotice: number | null;
  readonly sameResultReject: number | null;
  readonly sameFailureNotice: number | null;
  readonly sameFailureReject: number | null;
  readonly maxDepth: number;
  readonly budgetCalls: number | null;
  readonly budgetFailures: number | null;
  readonly budgetWallTimeMs: number | null;
  readonly budgetToolTimeMs: number | null;
  readonly rejectionsToEndAgent: number | null;
  readonly endedAgentsToEndRun: number | null;
  readonly redact: readonly string[];
  readonly mode: "enforce" | "observe";
  readonly preset: "lenient" | "standard" | "strict";
}

export interface OptionEntry {
  readonly kind: "duration" | "size" | "count" | "flag" | "choice" | "rate" | "names";
  readonly levels: readonly Level[];
  readonly nullable: boolean;
  readonly choices?: readonly string[];
  /** One for all presets, or one for each. */
  readonly default: unknown;
  /** The default of tools whose `kind` is not ordinary. */
  readonly byKind?: Readonly<Record<string, Readonly<Record<Preset, unknown>>>>;
  /** It bounds bodies there only. */
  readonly where?: "host" | "worker";
  /** Of a count: at least 1 if nothing is said. */
  readonly min?: number;
  readonly max?: number;
  /** Flags that one tool cannot have beside it, each with the reason. */
  readonly excludes?: Readonly<Record<string, string>>;
}

export const OPTIONS: Readonly<Record<string, OptionEntry>> = {
  timeout: {"kind": "duration", "levels": ["engine", "agent", "tool", "call"], "nullable": true, "default": {"lenient": "600s", "standard": "120s", "strict": "30s"}, "byKind": {"delegation": {"lenient": null, "standard": null, "strict": "600s"}, "human": {"lenient": null, "standard": null, "strict": "600s"}, "mcp": {"lenient": "120s", "standard": "60s", "strict": "30s"}}},
  maxCalls: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null},
  maxCallsPerRun: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null},
  maxInFlight: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null},
  maxConcurrent: {"kind": "count", "levels": ["engine", "tool"], "nullable": true, "default": null},
  maxTotalConcurrent: {"kind": "count", "levels": ["engine"], "nullable": true, "default": null},
  resources: {"kind": "names", "levels": ["tool"], "nullable": false, "default": []},
  waitTimeout: {"kind": "duration", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": "1h", "standard": "10m", "strict": "1m"}},
  cancelGrace: {"kind": "duration", "levels": ["engine", "agent", "tool"], "nullable": false, "default": "500ms", "where": "host"},
  rateLimit: {"kind": "rate", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null},
  maxConsecutiveFailures: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null},
  breakerCooldown: {"kind": "duration", "levels": ["engine", "agent", "tool"], "nullable": false, "default": "30s"},
  maxReentry: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 4, "standard": 2, "strict": 1}},
  placement: {"kind": "choice", "levels": ["engine", "agent", "tool"], "choices": ["host", "worker"], "nullable": false, "default": "host"},
  workerStdout: {"kind": "choice", "levels": ["engine"], "choices": ["stderr", "stdout"], "nullable": false, "default": "stderr"},
  cpuTime: {"kind": "duration", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null, "where": "worker"},
  memory: {"kind": "size", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": null, "standard": "2GB", "strict": "512MB"}, "where": "worker"},
  maxProcesses: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null, "where": "worker"},
  maxOutput: {"kind": "size", "levels": ["engine", "agent", "tool"], "nullable": true, "default": null, "where": "worker"},
  maxResult: {"kind": "size", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": "1MB", "standard": "100kB", "strict": "20kB"}},
  cache: {"kind": "flag", "levels": ["tool"], "nullable": false, "default": false, "excludes": {"poller": "a poller is asked for a new answer each time"}},
  cacheTtl: {"kind": "duration", "levels": ["tool"], "nullable": true, "default": "5m"},
  maxCacheEntries: {"kind": "count", "levels": ["tool"], "nullable": false, "default": 1000},
  maxCache: {"kind": "size", "levels": ["tool"], "nullable": false, "default": "64MB"},
  maxAttempts: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": false, "default": 1},
  retryDelay: {"kind": "duration", "levels": ["engine", "agent", "tool"], "nullable": false, "default": "1s"},
  maxRetryDelay: {"kind": "duration", "levels": ["engine", "agent", "tool"], "nullable": false, "default": "30s"},
  maxStuck: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": 8, "where": "host"},
  kind: {"kind": "choice", "levels": ["tool"], "choices": ["ordinary", "delegation", "human", "mcp"], "nullable": false, "default": "ordinary"},
  poller: {"kind": "flag", "levels": ["tool"], "nullable": false, "default": false},
  readOnly: {"kind": "flag", "levels": ["tool"], "nullable": false, "default": false},
  idempotent: {"kind": "flag", "levels": ["tool"], "nullable": false, "default": false},
  once: {"kind": "flag", "levels": ["tool"], "nullable": false, "default": false, "excludes": {"poller": "a poller is asked the same again for a new answer"}},
  sameCallNotice: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 5, "standard": 3, "strict": 2}},
  sameCallReject: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 8, "standard": 4, "strict": 3}, "min": 2},
  pollReject: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 100, "standard": 30, "strict": 10}, "min": 2},
  repeatPause: {"kind": "duration", "levels": ["engine", "agent", "tool"], "nullable": false, "default": {"lenient": "2s", "standard": "5s", "strict": "30s"}},
  cycleNotice: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 3, "standard": 2, "strict": 2}, "min": 2, "max": 8},
  cycleReject: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 5, "standard": 3, "strict": 3}, "min": 2, "max": 8},
  sameResultNotice: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": null, "standard": 8, "strict": 5}},
  sameResultReject: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": null, "standard": null, "strict": 8}, "min": 2},
  sameFailureNotice: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 10, "standard": 5, "strict": 3}},
  sameFailureReject: {"kind": "count", "levels": ["engine", "agent", "tool"], "nullable": true, "default": {"lenient": 20, "standard": 8, "strict": 5}, "min": 2},
  maxDepth: {"kind": "count", "levels": ["engine"], "nullable": false, "default": {"lenient": 16, "standard": 8, "strict": 4}},
  budgetCalls: {"kind": "count", "levels": ["engine"], "nullable": true, "default": {"lenient": null, "standard": null, "strict": 1000}},
  budgetFailures: {"kind": "count", "levels": ["engine"], "nullable": true, "default": null},
  budgetWallTime: {"kind": "duration", "levels": ["engine"], "nullable": true, "default": null},
  budgetToolTime: {"kind": "duration", "levels": ["engine"], "nullable": true, "default": null},
  rejectionsToEndAgent: {"kind": "count", "levels": ["engine"], "nullable": true, "default": {"lenient": 8, "standard": 5, "strict": 2}},
  endedAgentsToEndRun: {"kind": "count", "levels": ["engine"], "nullable": true, "default": null},
  redact: {"kind": "names", "levels": ["engine", "tool"], "nullable": false, "default": ["password", "passwords", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets", "token", "api_key", "access_key", "private_key", "authorization", "auth", "bearer", "credential", "credentials", "cookie", "cookies", "otp", "cvv"]},
  mode: {"kind": "choice", "levels": ["engine"], "choices": ["enforce", "observe"], "nullable": false, "default": "enforce"},
  preset: {"kind": "choice", "levels": ["engine"], "choices": ["lenient", "standard", "strict"], "nullable": false, "default": "standard"},
};
