// Generated from protocol/codes.json by `dev gen`; do not edit.

/** The table about a code. Its texts name {tool}, {limit}, {observed}, {detail}, {retryAfter}, {orWait}. */
export interface CodeEntry {
  /** The status of an outcome that carries this code. */
  readonly status: "failed" | "rejected" | "timed-out" | "cancelled" | "killed" | "lost";
  /** Whether the same call, made again, can end otherwise. */
  readonly retryable: boolean;
  readonly meaning: string;
  /** For the developer. */
  readonly message: string;
  /** The option that says where the limit is, unless the failure names another. */
  readonly option?: string;
  /** For the model, where a body may have had effects; two texts where the placement matters. */
  readonly forModel: TextForModel;
  /** Instead, of a tool that is readOnly or idempotent. */
  readonly forModelRepeatable?: TextForModel;
  /** Instead, where no body was started. */
  readonly forModelNotStarted?: TextForModel;
}

export type TextForModel = string | { readonly host: string; readonly worker: string };

/** A stable failure code. */
export type Code =
  | "invalid-input"
  | "unknown-tool"
  | "tool-error"
  | "tool-load-failed"
  | "cannot-move"
  | "too-large"
  | "timed-out"
  | "host-stuck"
  | "cpu-quota"
  | "memory-quota"
  | "process-quota"
  | "output-quota"
  | "wait-timed-out"
  | "deadlock"
  | "dependency-failed"
  | "depth-exceeded"
  | "ancestor-cycle"
  | "reentry-limit"
  | "usage-limit"
  | "in-flight-limit"
  | "rate-limit"
  | "effect-unknown"
  | "already-done"
  | "already-running"
  | "key-reused"
  | "breaker-open"
  | "budget-exceeded"
  | "repeated-call"
  | "call-cycle"
  | "same-result"
  | "same-failure"
  | "agent-ended"
  | "run-ended"
  | "history-lost"
  | "not-recorded"
  | "cancelled"
  | "overloaded"
  | "memory-pressure"
  | "worker-crashed"
  | "lost";

export const codes: Readonly<Record<Code, CodeEntry>> = {
  "invalid-input": {
    status: "rejected",
    retryable: false,
    meaning: "The input does not fit the tool's schema, so the body was not started.",
    message: "The input of {tool} does not fit its schema: {detail}.",
    forModel: "{tool} was not run: its input does not fit: {detail}. Correct the input and call it again.",
  },
  "unknown-tool": {
    status: "rejected",
    retryable: false,
    meaning: "No tool of that name is registered. The message names the nearest registered names.",
    message: "There is no tool named {tool}. {detail}",
    forModel: "There is no tool named {tool}. {detail}",
  },
  "tool-error": {
    status: "failed",
    retryable: false,
    meaning: "The body raised or threw. `error` carries its name, message, stack and causes.",
    message: "{tool} failed with {detail}.",
    forModel: "{tool} failed: {detail}. Change the input or continue without it.",
  },
  "tool-load-failed": {
    status: "failed",
    retryable: false,
    meaning: "The worker could not import or rebuild the tool, so the body was not started. `error.stack` is the traceback, if there is one.",
    message: "{tool} could not be loaded in a worker: {detail}.",
    forModel: "{tool} is not available: it could not be loaded. Continue without it.",
  },
  "cannot-move": {
    status: "failed",
    retryable: false,
    meaning: "An argument, a result or the tool itself cannot be sent between host and worker. The message names the part.",
    message: "{tool} cannot run in a worker: {detail}. Leave that part out, or run the tool on the host.",
    forModel: "{tool} ran, but gave no result: {detail}. Its effects have happened. Do not repeat it; continue without its result.",
    forModelRepeatable: "{tool} ran, but gave no result: {detail}. Continue without it.",
    forModelNotStarted: "{tool} was not run: {detail}. Continue without it.",
  },
  "too-large": {
    status: "failed",
    retryable: false,
    meaning: "An input or a result is larger than one frame may be.",
    message: "The {detail} of {tool} is {observed}, the limit is {limit}.",
    forModel: "{tool} ran, but its {detail} is {observed}, the limit is {limit}, and is not shown. Its effects have happened. Ask for less data at once, with another call.",
    forModelRepeatable: "{tool} ran, but its {detail} is {observed}, the limit is {limit}, and is not shown. Calling it again does no harm: ask for less data at once.",
    forModelNotStarted: "{tool} was not run: its {detail} is {observed}, the limit is {limit}. Ask for less data at once.",
  },
  "timed-out": {
    status: "timed-out",
    retryable: false,
    option: "timeout",
    meaning: "The attempt passed its deadline. On the host the body may still be running; in a worker its process group was killed.",
    message: "{tool} passed its deadline: limit {limit}, observed {observed}.",
    forModel: {
      host: "{tool} gave no answer within {limit}. It may still be running and may have had effects. Do not repeat it; continue without it or verify first.",
      worker: "{tool} was stopped after {limit} without a result. Effects before the stop may have happened. Try a smaller input or another way.",
    },
    forModelRepeatable: {
      host: "{tool} gave no answer within {limit}; it may still be running. Calling it again does no harm: try a smaller input, or continue without it.",
      worker: "{tool} was stopped after {limit} without a result. Calling it again does no harm: try a smaller input or another way.",
    },
  },
  "host-stuck": {
    status: "rejected",
    retryable: false,
    option: "maxStuck",
    meaning: "Too many bodies of the tool go on in the host's process although their calls have their outcomes. In a worker they would have been killed.",
    message: "{tool} was not run: {observed} of its bodies on the host have not stopped after their deadline, the limit is {limit}. In a worker such a body is killed.",
    forModel: "{tool} was not run: {observed} earlier calls of it still hang. Continue without it, or answer with what you have.",
  },
  "cpu-quota": {
    status: "killed",
    retryable: false,
    option: "cpuTime",
    meaning: "The processes of the call used more CPU time than its quota together, those that had ended too, and were killed.",
    message: "{tool} used {observed} of CPU time, limit {limit}: its processes were killed.",
    forModel: "{tool} was stopped: it used {observed} of CPU time, limit {limit}. Ask for less at once. Effects before the stop may have happened.",
    forModelRepeatable: "{tool} was stopped: it used {observed} of CPU time, limit {limit}. Calling it again does no harm: ask for less at once.",
  },
  "memory-quota": {
    status: "killed",
    retryable: false,
    option: "memory",
    meaning: "The processes of the call used more memory than its quota together, above what the worker had before, and were killed.",
    message: "{tool} used {observed} of memory, limit {limit}: its processes were killed.",
    forModel: "{tool} was stopped: it used {observed} of memory, limit {limit}. Ask for less data at once. Effects before the stop may have happened.",
    forModelRepeatable: "{tool} was stopped: it used {observed} of memory, limit {limit}. Calling it again does no harm: ask for less data at once.",
  },
  "process-quota": {
    status: "killed",
    retryable: false,
    option: "maxProcesses",
    meaning: "The call had more processes at once than its quota allows, and all of them were killed.",
    message: "{tool} had {observed} processes at once, limit {limit}: all were killed.",
    forModel: "{tool} was stopped: it had {observed} processes at once, limit {limit}. Try a smaller input or another way. Effects before the stop may have happened.",
    forModelRepeatable: "{tool} was stopped: it had {observed} processes at once, limit {limit}. Calling it again does no harm: try a smaller input or another way.",
  },
  "output-quota": {
    status: "killed",
    retryable: false,
    option: "maxOutput",
    meaning: "The result is larger than the call's quota. It was not handed on, and the process that made it was ended.",
    message: "The result of {tool} is {observed}, limit {limit}: it was not handed on.",
    forModel: "{tool} ran, but its result was {observed}, limit {limit}, and is not shown. Its effects have happened. Ask for less data at once.",
    forModelRepeatable: "{tool} ran, but its result was {observed}, limit {limit}, and is not shown. Calling it again does no harm: ask for less data at once.",
  },
  "wait-timed-out": {
    status: "timed-out",
    retryable: true,
    option: "waitTimeout",
    meaning: "The time for waiting, or the time of the caller, was over before it was the call's turn, a worker was free or had loaded the tool, or the tool's schema had checked the input. The body was not started.",
    message: "{tool} waited {observed} for {detail}, limit {limit}: the body was not started.",
    forModel: "{tool} was not run: it waited {limit} for {detail} in vain. It may be called again later.",
  },
  deadlock: {
    status: "rejected",
    retryable: true,
    meaning: "The call was made by a body that waits for it, and would itself wait for permits that are held by calls which wait for it.",
    message: "{tool} was not run: it would wait for {detail}, which is held by calls that wait for it.",
    forModel: "{tool} was not run: it would wait for {detail}, which is held by calls that wait for it. Call it again later, or continue without it.",
  },
  "dependency-failed": {
    status: "rejected",
    retryable: false,
    meaning: "A call of the same batch that this one comes after did not succeed.",
    message: "{tool} was not run: it comes after {detail}, which did not succeed.",
    forModel: "{tool} was not run: it comes after {detail}, which did not succeed.",
  },
  "depth-exceeded": {
    status: "rejected",
    retryable: false,
    option: "maxDepth",
    meaning: "The call would be nested deeper in its call tree than maxDepth allows.",
    message: "{tool} would be at depth {observed}, the limit is {limit}: {detail}.",
    forModel: "{tool} was not run: tool calls are nested {observed} deep, the limit is {limit}. Answer with what you have.",
  },
  "ancestor-cycle": {
    status: "rejected",
    retryable: false,
    meaning: "The same tool is running with the same input already, and this call was made from inside it.",
    message: "{tool} would run inside itself with the same input: {detail}.",
    forModel: "{tool} was not run: it is at work on this very input already ({detail}). Answer with what you have.",
  },
  "reentry-limit": {
    status: "rejected",
    retryable: false,
    option: "maxReentry",
    meaning: "The tool stands on its own path more often than maxReentry allows. Delegation counts by coworker.",
    message: "{tool} would stand on its own path {observed} times, the limit is {limit}: {detail}.",
    forModel: "{tool} was not run: it was entered {limit} times on this path already ({detail}). Answer with what you have.",
  },
  "usage-limit": {
    status: "rejected",
    retryable: false,
    option: "maxCalls",
    meaning: "All calls that the tool's limit allows are used.",
    message: "{tool} was not run: call {observed}, the limit is {limit} calls per {detail}.",
    forModel: "{tool} was not run: all {limit} allowed calls are used. Continue with the results you have.",
  },
  "in-flight-limit": {
    status: "rejected",
    retryable: true,
    option: "maxInFlight",
    meaning: "As many calls of the tool are in flight as maxInFlight allows.",
    message: "{tool} was not run: {observed} of its calls are in flight, the limit is {limit}.",
    forModel: "{tool} was not run: {limit} of its calls are at work already. Use their results first, then call it again.",
  },
  "rate-limit": {
    status: "rejected",
    retryable: true,
    option: "rateLimit",
    meaning: "The tool was started as often within its window of time as rateLimit allows.",
    message: "{tool} was not run: {observed} starts, the limit is {limit}; it may start again in {detail}.",
    forModel: "{tool} was not run: it may be called {limit}. It can be called again in {detail}; continue with something else until then.",
  },
  "effect-unknown": {
    status: "rejected",
    retryable: false,
    option: "idempotent",
    meaning: "A call of the same run with the same input did not end cleanly (timed out, cancelled, killed, crashed, lost), so its effect may have happened, and the tool is declared neither readOnly nor idempotent.",
    message: "{tool} was not run again: its call {detail} with the same input did not end cleanly, so its effect may have happened.",
    forModel: "An earlier identical {tool} call did not finish cleanly; its effect may have happened. It was not run again. Check the current state with a read-only tool; if you cannot, say so in your answer.",
  },
  "already-done": {
    status: "rejected",
    retryable: false,
    meaning: "A call with the same idempotency key or request id has ended, and what came of it could not be kept: it is larger than 64 kB, cannot be encoded without loss, or the engine was lost meanwhile.",
    message: "{tool} was not run again: its call {detail} with the same key or request has ended, and its result was not kept.",
    forModel: "{tool} was not run again: this very call has been done before, and its result was not kept. Do not repeat it; look at what it did, or continue without.",
    forModelRepeatable: "{tool} was not run again: this very call has been done before, and its result was not kept. Calling it again does no harm: ask as a new request, or continue without.",
  },
  "already-running": {
    status: "rejected",
    retryable: true,
    meaning: "A call with the same idempotency key or request id has no outcome yet. With `once`, whose calls wait for the first: another body made that one, which could itself be waiting for this call.",
    message: "{tool} was not run again: its call {detail} with the same key or request has no outcome yet.",
    forModel: "{tool} was not run again: this very call is still under way. Continue without it, or ask again later.",
  },
  "key-reused": {
    status: "rejected",
    retryable: false,
    meaning: "The idempotency key belongs to a call of another tool, or with another input.",
    message: "{tool} was not run: its idempotency key belongs to the call {detail}, whose tool or input is another.",
    forModel: "{tool} was not run: the application gave it the key of another call. Say so in your answer.",
  },
  "breaker-open": {
    status: "rejected",
    retryable: true,
    option: "maxConsecutiveFailures",
    meaning: "The tool failed maxConsecutiveFailures times in a row, so its breaker is open until its cooldown is over.",
    message: "{tool} was not run: it failed {observed} times in a row, the limit is {limit}; its breaker lets a call try in {detail}.",
    forModel: "{tool} was not run: it failed {observed} times in a row and seems to be out of order. Use another tool, or answer with what you have.",
  },
  "budget-exceeded": {
    status: "rejected",
    retryable: false,
    option: "budgetCalls",
    meaning: "The run has spent one of its budgets: calls, failures, wall time or tool time. The message names it.",
    message: "{tool} was not run: the run has used {observed} of its budget of {limit} {detail}.",
    forModel: "No more tools will run: the budget of {limit} {detail} is used. Write your final answer now from the results so far and state what is missing.",
  },
  "repeated-call": {
    status: "rejected",
    retryable: false,
    option: "sameCallReject",
    meaning: "The same call of the same agent and task gave the same result each time, up to the limit, and no other call brought anything new meanwhile. After repeatPause one is let through again.",
    message: "{tool} was not run: the same input gave the same result {observed} times in a row, the limit is {limit}.",
    forModel: "{tool} was not run: same input, same result {observed} times. The last result was: {detail} Change the input, use another tool, or answer with what you have.{orWait}",
  },
  "call-cycle": {
    status: "rejected",
    retryable: false,
    option: "cycleReject",
    meaning: "The same calls of the same agent and task went round in a cycle of 2 to 8, with the same results, up to the limit. After repeatPause they are let through again, one at a time.",
    message: "{tool} was not run: {detail}, {observed} rounds, same results; round {limit} is rejected.",
    forModel: "{tool} was not run: you went through {detail} {observed} times, and the results did not change. Do something else, or answer with what you have.{orWait}",
  },
  "same-result": {
    status: "rejected",
    retryable: false,
    option: "sameResultReject",
    meaning: "Different inputs of one tool gave the same result again and again, up to the limit.",
    message: "{tool} was not run: {observed} different inputs in a row gave the same result, call {limit} is rejected.",
    forModel: "{tool} was not run: {observed} different inputs gave the same result. It was: {detail} Use another tool, or answer with what you have.",
  },
  "same-failure": {
    status: "rejected",
    retryable: true,
    option: "sameFailureReject",
    meaning: "Different inputs of one tool failed in the same way again and again, up to the limit. After repeatPause one is let through again.",
    message: "{tool} was not run: {observed} different inputs in a row failed in the same way, call {limit} is rejected: {detail}",
    forModel: "{tool} was not run: {observed} different inputs failed in the same way: {detail} It may be tried again in {retryAfter}; until then use another tool, or answer with what you have.",
  },
  "agent-ended": {
    status: "rejected",
    retryable: false,
    option: "rejectionsToEndAgent",
    meaning: "The agent gets no more calls at its task: too many of them in a row were rejected. Other agents, tasks and crews of the run go on. The message says why.",
    message: "{tool} was not run: its agent gets no more calls at this task: {detail}.",
    forModel: "No more tools will run for this task: {detail}. Write your final answer now from the results so far and state what is missing.",
  },
  "run-ended": {
    status: "rejected",
    retryable: false,
    meaning: "The run takes no more calls: it was ended on purpose, or so many of its agents were ended as endedAgentsToEndRun says. The message says why.",
    message: "{tool} was not run: its run has ended: {detail}.",
    forModel: "No more tools will run: {detail}. Write your final answer now from the results so far and state what is missing.",
  },
  "history-lost": {
    status: "rejected",
    retryable: false,
    meaning: "The engine was lost and what it had written cannot be read. Of a run: only its read-only tools are run. Of the whole engine: what has a count or an idempotency key is not run, and what has a rate not before its window has passed.",
    message: "{tool} was not run: {detail}, and the tool is not declared readOnly.",
    forModel: "{tool} was not run: it is not known what was done before, and it may have effects. Use tools that only read, or answer with what you have.",
  },
  "not-recorded": {
    status: "rejected",
    retryable: true,
    meaning: "The engine could not write down that the body starts, which it must know if it is lost: the disk is full, or its folder cannot be made. No body ran.",
    message: "{tool} was not run, since that could not be written down: {detail}.",
    forModel: "{tool} was not run: the machine has no room to write down that it runs. Try it again later; continue with something else until then.",
  },
  cancelled: {
    status: "cancelled",
    retryable: true,
    meaning: "The caller cancelled the call, or its engine was closed, before it ended. `detail` tells what is known of the body.",
    message: "{tool} was cancelled: {detail}.",
    forModel: "{tool} was cancelled: {detail}.",
    forModelRepeatable: "{tool} was cancelled. Calling it again does no harm.",
    forModelNotStarted: "{tool} was cancelled: {detail}.",
  },
  overloaded: {
    status: "rejected",
    retryable: true,
    meaning: "The machine or the engine is under pressure, so that new calls are rejected. `retryAfterMs` says when one has a chance.",
    message: "{tool} was not run: the machine is under pressure; a call has a chance again in {detail}.",
    forModel: "{tool} was not run: the machine is overloaded. It can be called again in {detail}; continue with something else until then.",
  },
  "memory-pressure": {
    status: "killed",
    retryable: false,
    meaning: "The machine was about to run out of memory. The call was furthest over its share of it (its quota, or an equal part), and its processes were killed.",
    message: "{tool} was killed since the machine was about to run out of memory: it used {observed}, its share was {limit}.",
    forModel: "{tool} was stopped: the machine was about to run out of memory, and it used {observed}. Ask for less data at once. Effects before the stop may have happened.",
    forModelRepeatable: "{tool} was stopped: the machine was about to run out of memory, and it used {observed}. Calling it again does no harm: ask for less data at once.",
  },
  "worker-crashed": {
    status: "failed",
    retryable: false,
    meaning: "The worker's process ended while it ran the body. `crash` has the signal or the exit code.",
    message: "The worker of {tool} ended during the call: {detail}.",
    forModel: "{tool} crashed ({detail}). Effects before the crash may have happened. Try another way.",
    forModelRepeatable: "{tool} crashed ({detail}). Calling it again does no harm, but may crash too: try another way.",
  },
  lost: {
    status: "lost",
    retryable: false,
    meaning: "Nobody saw how the call ended, since the engine itself was lost. Its effect is unknown.",
    message: "The ending of {tool} is unknown: {detail}.",
    forModel: "It is unknown whether {tool} did its work: {detail}. Check the current state before you repeat it.",
    forModelRepeatable: "Nobody saw how {tool} ended: {detail}. Calling it again does no harm.",
    forModelNotStarted: "{tool} was not run: {detail}. It may be called again later.",
  },
};
