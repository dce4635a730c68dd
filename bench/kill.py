"""Kills with CrewAI in the template: the answer, the replacement, many in a row; and the memory of idle workers."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
from _crewai_work import double_beside_crewai
from _measuring import Figures, figures, machine
from _work import spin

from endstop import ToolExecutor

LIMIT_MS = 100
ROUNDS = 40
IN_A_ROW = int(os.environ.get("ENDSTOP_BENCH_KILLS", "200"))


def main() -> None:
    print(machine())
    with ToolExecutor() as executor:
        executor.register(double_beside_crewai, name="double", placement="worker", timeout=None)
        executor.register(spin, placement="worker", timeout=LIMIT_MS / 1000)
        executor.register(spin, name="spin_briefly", placement="worker", timeout="10ms")
        if executor.execute_tool("double", {"number": 21}) != 42:
            raise SystemExit("the call gave a wrong result")
        time.sleep(1)
        idle_memory()
        deadlines(executor)
        in_a_row(executor)


def deadlines(executor: ToolExecutor) -> None:
    late, served, replaced = [], [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        outcome = executor.try_execute_tool("spin", {})
        answer = time.perf_counter()
        if outcome.status != "timed-out":
            raise SystemExit(f"spin ended as {outcome}")
        late.append((answer - begin) * 1e3 - LIMIT_MS)
        executor.execute_tool("double", {"number": 1})
        served.append((time.perf_counter() - answer) * 1e3)
        time.sleep(0.1)
        for pid in workers():
            os.kill(pid, signal.SIGKILL)
        begin = time.perf_counter()
        executor.execute_tool("double", {"number": 1})
        replaced.append((time.perf_counter() - begin) * 1e3)
        time.sleep(0.1)
    print(f"\nA deadline of {LIMIT_MS} ms, {ROUNDS} times (ms)")
    print(f"  {'':52}{'p50':>8}{'p99':>8}")
    row("answer after the deadline", figures(late))
    row("next call served, by the worker in reserve", figures(served))
    row("all workers killed: next call served, by a new one", figures(replaced))


def in_a_row(executor: ToolExecutor) -> None:
    watched = [psutil.Process(), *psutil.Process().children(), template()]

    def state() -> tuple[int, int, int]:
        time.sleep(0.5)
        everyone = psutil.Process().children(recursive=True)
        return (
            len(everyone),
            sum(process.num_fds() for process in watched),
            sum(process.memory_info().rss for process in watched) // 1_000,
        )

    for _ in range(20):
        executor.try_execute_tool("spin_briefly", {})
    before, begin = state(), time.perf_counter()
    for _ in range(IN_A_ROW):
        executor.try_execute_tool("spin_briefly", {})
    took, after = time.perf_counter() - begin, state()
    print(f"\n{IN_A_ROW} kills in a row, {took / IN_A_ROW * 1e3:.1f} ms each with a deadline of 10 ms")
    print(f"  {'':36}{'before':>10}{'after':>10}")
    names = ("processes", "descriptors of host, engine, template", "their memory, kB")
    for name, one, other in zip(names, before, after, strict=True):
        print(f"  {name:36}{one:10}{other:10}")


def idle_memory() -> None:
    found = [psutil.Process(pid) for pid in workers()]
    own = [private_bytes(process.pid) for process in found]
    shared = template().memory_info().rss
    print(
        f"\nMemory with CrewAI imported: template {shared / 1e6:.0f} MB resident, shared by {len(found)} idle workers,"
    )
    print(f"  each of which has {sum(own) / len(own) / 1e6:.1f} MB of its own")


def private_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))


def template() -> psutil.Process:
    [engine] = psutil.Process().children()
    [found] = engine.children()
    return found


def workers() -> set[int]:
    return {process.pid for process in template().children() if process.status() != psutil.STATUS_ZOMBIE}


def row(name: str, taken: Figures) -> None:
    print(f"  {name:52}{taken.p50:8.1f}{taken.p99:8.1f}")


if __name__ == "__main__":
    main()
