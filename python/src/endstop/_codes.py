# Generated from protocol/codes.json by `dev gen`; do not edit.
"""The one table of failure codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Code:
    """What the table says about a code. In its texts {tool}, {limit}, {observed} and {detail} are filled in.

    for_model_host and for_model_worker differ only where the placement changes what is known.
    """

    code: str
    status: str
    retryable: bool
    meaning: str
    message: str
    for_model_host: str
    for_model_worker: str


_TABLE = (
    Code(
        code="invalid-input",
        status="rejected",
        retryable=False,
        meaning="The input does not fit the tool's schema, so the body was not started.",
        message="The input of {tool} does not fit its schema: {detail}.",
        for_model_host="{tool} was not run: its input does not fit: {detail}. Correct the input and call it again.",
        for_model_worker="{tool} was not run: its input does not fit: {detail}. Correct the input and call it again.",
    ),
    Code(
        code="unknown-tool",
        status="rejected",
        retryable=False,
        meaning="No tool of that name is registered. The message names the nearest registered names.",
        message="There is no tool named {tool}. {detail}",
        for_model_host="There is no tool named {tool}. {detail}",
        for_model_worker="There is no tool named {tool}. {detail}",
    ),
    Code(
        code="tool-error",
        status="failed",
        retryable=False,
        meaning="The body raised or threw. `error` carries its name, message, stack and causes.",
        message="{tool} failed with {detail}.",
        for_model_host="{tool} failed: {detail}. Change the input or continue without it.",
        for_model_worker="{tool} failed: {detail}. Change the input or continue without it.",
    ),
    Code(
        code="tool-load-failed",
        status="failed",
        retryable=False,
        meaning="The worker could not import or rebuild the tool, so the body was not started. `error.stack` is the traceback.",
        message="{tool} could not be loaded in a worker: {detail}. The traceback is in error.stack.",
        for_model_host="{tool} is not available: it could not be loaded. Continue without it.",
        for_model_worker="{tool} is not available: it could not be loaded. Continue without it.",
    ),
    Code(
        code="cannot-move",
        status="failed",
        retryable=False,
        meaning="An argument, a result or the tool itself cannot be sent between host and worker. The message names the part.",
        message="{tool} cannot run in a worker: {detail}. Use placement=\"host\" or make that part picklable.",
        for_model_host="{tool} gave no result: {detail}. Continue without it.",
        for_model_worker="{tool} gave no result: {detail}. Continue without it.",
    ),
    Code(
        code="too-large",
        status="failed",
        retryable=False,
        meaning="An input or a result is larger than one frame may be.",
        message="The {detail} of {tool} is {observed}, the limit is {limit}.",
        for_model_host="{tool} gave no result: its {detail} is {observed}, the limit is {limit}. Ask for less data at once.",
        for_model_worker="{tool} gave no result: its {detail} is {observed}, the limit is {limit}. Ask for less data at once.",
    ),
    Code(
        code="timed-out",
        status="timed-out",
        retryable=False,
        meaning="The attempt passed its deadline. On the host the body may still be running; in a worker its process group was killed.",
        message="{tool} passed its deadline: limit {limit}, observed {observed}.",
        for_model_host="{tool} gave no answer within {limit}. It may still be running and may have had effects. Do not repeat it; continue without it or verify first.",
        for_model_worker="{tool} was stopped after {limit} without a result. Effects before the stop may have happened. Try a smaller input or another way.",
    ),
    Code(
        code="host-stuck",
        status="rejected",
        retryable=False,
        meaning="Too many bodies of the tool go on in the host's process although their calls have their outcomes. In a worker they would have been killed.",
        message="{tool} was not run: {observed} of its bodies on the host have not stopped after their deadline, the limit is {limit}. Use placement=\"worker\", where a body is killed; endstop.stuck_bodies() shows where these stand.",
        for_model_host="{tool} was not run: {observed} earlier calls of it still hang. Continue without it, or answer with what you have.",
        for_model_worker="{tool} was not run: {observed} earlier calls of it still hang. Continue without it, or answer with what you have.",
    ),
    Code(
        code="cpu-quota",
        status="killed",
        retryable=False,
        meaning="The processes of the call used more CPU time than its quota together, those that had ended too, and were killed.",
        message="{tool} used {observed} of CPU time, limit {limit}: its processes were killed.",
        for_model_host="{tool} was stopped: it used {observed} of CPU time, limit {limit}. Ask for less at once. Effects before the stop may have happened.",
        for_model_worker="{tool} was stopped: it used {observed} of CPU time, limit {limit}. Ask for less at once. Effects before the stop may have happened.",
    ),
    Code(
        code="memory-quota",
        status="killed",
        retryable=False,
        meaning="The processes of the call used more memory than its quota together, above what the worker had before, and were killed.",
        message="{tool} used {observed} of memory, limit {limit}: its processes were killed.",
        for_model_host="{tool} was stopped: it used {observed} of memory, limit {limit}. Ask for less data at once. Effects before the stop may have happened.",
        for_model_worker="{tool} was stopped: it used {observed} of memory, limit {limit}. Ask for less data at once. Effects before the stop may have happened.",
    ),
    Code(
        code="process-quota",
        status="killed",
        retryable=False,
        meaning="The call had more processes at once than its quota allows, and all of them were killed.",
        message="{tool} had {observed} processes at once, limit {limit}: all were killed.",
        for_model_host="{tool} was stopped: it had {observed} processes at once, limit {limit}. Try a smaller input or another way. Effects before the stop may have happened.",
        for_model_worker="{tool} was stopped: it had {observed} processes at once, limit {limit}. Try a smaller input or another way. Effects before the stop may have happened.",
    ),
    Code(
        code="output-quota",
        status="killed",
        retryable=False,
        meaning="The result is larger than the call's quota. It was not handed on, and the process that made it was ended.",
        message="The result of {tool} is {observed}, limit {limit}: it was not handed on.",
        for_model_host="{tool} ran, but its result was {observed}, limit {limit}, and is not shown. Its effects have happened. Ask for less data at once.",
        for_model_worker="{tool} ran, but its result was {observed}, limit {limit}, and is not shown. Its effects have happened. Ask for less data at once.",
    ),
    Code(
        code="wait-timed-out",
        status="timed-out",
        retryable=True,
        meaning="The time of the call, or of its caller, was over before a worker was free, or before it had loaded the tool. The body was not started.",
        message="{tool} waited {observed} for a worker that is free and has loaded it, limit {limit}: the body was not started.",
        for_model_host="{tool} was not run: no worker was ready within {limit}. It may be called again later.",
        for_model_worker="{tool} was not run: no worker was ready within {limit}. It may be called again later.",
    ),
    Code(
        code="depth-exceeded",
        status="rejected",
        retryable=False,
        meaning="The call would be nested deeper in its call tree than maxDepth allows.",
        message="{tool} would be at depth {observed}, the limit is {limit}: {detail}.",
        for_model_host="{tool} was not run: tool calls are nested {observed} deep, the limit is {limit}. Answer with what you have.",
        for_model_worker="{tool} was not run: tool calls are nested {observed} deep, the limit is {limit}. Answer with what you have.",
    ),
    Code(
        code="ancestor-cycle",
        status="rejected",
        retryable=False,
        meaning="The same tool is running with the same input already, and this call was made from inside it.",
        message="{tool} would run inside itself with the same input: {detail}.",
        for_model_host="{tool} was not run: it is at work on this very input already ({detail}). Answer with what you have.",
        for_model_worker="{tool} was not run: it is at work on this very input already ({detail}). Answer with what you have.",
    ),
    Code(
        code="reentry-limit",
        status="rejected",
        retryable=False,
        meaning="The tool stands on its own path more often than maxReentry allows. Delegation counts by coworker.",
        message="{tool} would stand on its own path {observed} times, the limit is {limit}: {detail}.",
        for_model_host="{tool} was not run: it was entered {limit} times on this path already ({detail}). Answer with what you have.",
        for_model_worker="{tool} was not run: it was entered {limit} times on this path already ({detail}). Answer with what you have.",
    ),
    Code(
        code="usage-limit",
        status="rejected",
        retryable=False,
        meaning="All calls that the tool's limit allows are used.",
        message="{tool} was not run: call {observed}, the limit is {limit} calls per {detail}.",
        for_model_host="{tool} was not run: all {limit} allowed calls are used. Continue with the results you have.",
        for_model_worker="{tool} was not run: all {limit} allowed calls are used. Continue with the results you have.",
    ),
    Code(
        code="in-flight-limit",
        status="rejected",
        retryable=True,
        meaning="As many calls of the tool are in flight as maxInFlight allows.",
        message="{tool} was not run: {observed} of its calls are in flight, the limit is {limit}.",
        for_model_host="{tool} was not run: {limit} of its calls are at work already. Use their results first, then call it again.",
        for_model_worker="{tool} was not run: {limit} of its calls are at work already. Use their results first, then call it again.",
    ),
    Code(
        code="rate-limit",
        status="rejected",
        retryable=True,
        meaning="The tool was started as often within its window of time as rateLimit allows.",
        message="{tool} was not run: {observed} starts, the limit is {limit}; it may start again in {detail}.",
        for_model_host="{tool} was not run: it may be called {limit}. It can be called again in {detail}; continue with something else until then.",
        for_model_worker="{tool} was not run: it may be called {limit}. It can be called again in {detail}; continue with something else until then.",
    ),
    Code(
        code="breaker-open",
        status="rejected",
        retryable=True,
        meaning="The tool failed maxConsecutiveFailures times in a row, so its breaker is open until its cooldown is over.",
        message="{tool} was not run: it failed {observed} times in a row, the limit is {limit}; its breaker lets a call try in {detail}.",
        for_model_host="{tool} was not run: it failed {observed} times in a row and seems to be out of order. Use another tool, or answer with what you have.",
        for_model_worker="{tool} was not run: it failed {observed} times in a row and seems to be out of order. Use another tool, or answer with what you have.",
    ),
    Code(
        code="budget-exceeded",
        status="rejected",
        retryable=False,
        meaning="The run has spent one of its budgets: calls, failures, wall time or tool time. The message names it.",
        message="{tool} was not run: the run has used {observed} of its budget of {limit} {detail}.",
        for_model_host="No more tools will run: the budget of {limit} {detail} is used. Write your final answer now from the results so far and state what is missing.",
        for_model_worker="No more tools will run: the budget of {limit} {detail} is used. Write your final answer now from the results so far and state what is missing.",
    ),
    Code(
        code="repeated-call",
        status="rejected",
        retryable=False,
        meaning="The same call of the same agent and task gave the same result each time, up to the limit.",
        message="{tool} was not run: the same input gave the same result {observed} times in a row, the limit is {limit}.",
        for_model_host="{tool} was not run: same input, same result {observed} times. The last result was: {detail} Change the input, use another tool, or answer with what you have.",
        for_model_worker="{tool} was not run: same input, same result {observed} times. The last result was: {detail} Change the input, use another tool, or answer with what you have.",
    ),
    Code(
        code="call-cycle",
        status="rejected",
        retryable=False,
        meaning="The same calls of the same agent and task went round in a cycle of 2 to 8, with the same results, up to the limit.",
        message="{tool} was not run: {detail}, {observed} rounds, same results; round {limit} is rejected.",
        for_model_host="{tool} was not run: you went through {detail} {observed} times, and the results did not change. Do something else, or answer with what you have.",
        for_model_worker="{tool} was not run: you went through {detail} {observed} times, and the results did not change. Do something else, or answer with what you have.",
    ),
    Code(
        code="same-result",
        status="rejected",
        retryable=False,
        meaning="Different inputs of one tool gave the same result again and again, up to the limit.",
        message="{tool} was not run: {observed} different inputs in a row gave the same result, call {limit} is rejected.",
        for_model_host="{tool} was not run: {observed} different inputs gave the same result. It was: {detail} Use another tool, or answer with what you have.",
        for_model_worker="{tool} was not run: {observed} different inputs gave the same result. It was: {detail} Use another tool, or answer with what you have.",
    ),
    Code(
        code="same-failure",
        status="rejected",
        retryable=False,
        meaning="Different inputs of one tool failed in the same way again and again, up to the limit.",
        message="{tool} was not run: {observed} different inputs in a row failed in the same way, call {limit} is rejected: {detail}",
        for_model_host="{tool} was not run: {observed} different inputs failed in the same way: {detail} Use another tool, or answer with what you have.",
        for_model_worker="{tool} was not run: {observed} different inputs failed in the same way: {detail} Use another tool, or answer with what you have.",
    ),
    Code(
        code="run-ended",
        status="rejected",
        retryable=False,
        meaning="The run takes no more calls: too many rejections in a row, or it was ended on purpose. The message says why.",
        message="{tool} was not run: its run has ended: {detail}.",
        for_model_host="No more tools will run: {detail}. Write your final answer now from the results so far and state what is missing.",
        for_model_worker="No more tools will run: {detail}. Write your final answer now from the results so far and state what is missing.",
    ),
    Code(
        code="history-lost",
        status="rejected",
        retryable=False,
        meaning="The engine was lost and what it had written of this run cannot be read, so that only read-only tools are run.",
        message="{tool} was not run: {detail}, and the tool is not declared readOnly.",
        for_model_host="{tool} was not run: it is not known what was done before, and it may have effects. Use tools that only read, or answer with what you have.",
        for_model_worker="{tool} was not run: it is not known what was done before, and it may have effects. Use tools that only read, or answer with what you have.",
    ),
    Code(
        code="cancelled",
        status="cancelled",
        retryable=True,
        meaning="The caller cancelled the call, or its engine was closed, before it ended. `detail` tells what is known of the body.",
        message="{tool} was cancelled: {detail}.",
        for_model_host="{tool} was cancelled: {detail}.",
        for_model_worker="{tool} was cancelled: {detail}.",
    ),
    Code(
        code="worker-crashed",
        status="failed",
        retryable=False,
        meaning="The worker's process ended while it ran the body. `crash` has the signal or the exit code.",
        message="The worker of {tool} ended during the call: {detail}.",
        for_model_host="{tool} crashed ({detail}). Effects before the crash may have happened. Try another way.",
        for_model_worker="{tool} crashed ({detail}). Effects before the crash may have happened. Try another way.",
    ),
    Code(
        code="lost",
        status="lost",
        retryable=False,
        meaning="Nobody saw how the call ended, since the engine itself was lost. Its effect is unknown.",
        message="The ending of {tool} is unknown: {detail}.",
        for_model_host="It is unknown whether {tool} did its work: {detail}. Check the current state before you repeat it.",
        for_model_worker="It is unknown whether {tool} did its work: {detail}. Check the current state before you repeat it.",
    ),
)

CODES: Mapping[str, Code] = MappingProxyType({entry.code: entry for entry in _TABLE})
