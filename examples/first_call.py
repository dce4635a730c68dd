"""Run it with: python examples/first_call.py"""

import time

from endstop import ToolExecutor


def weather(city: str) -> str:
    return f"Sunny in {city}"


def hung_service() -> str:
    while True:  # a worker can be killed, whatever its body does
        time.sleep(1)


def main() -> None:
    with ToolExecutor(max_recursion_depth=4, timeout_seconds=30) as executor:
        executor.register(weather)
        executor.register(hung_service, timeout="200ms", placement="worker")

        print(executor.execute_tool("weather", {"city": "Bern"}))

        wrong = executor.try_execute_tool("weather", {"town": "Bern"})
        print(wrong.failure.code, "-", wrong.failure.message)

        hung = executor.try_execute_tool("hung_service", {})
        print(hung.failure.for_model)

        with executor.run():
            for round_number in range(1, 5):
                again = executor.try_execute_tool("weather", {"city": "Basel"})
                print(round_number, (again.notice or again.value) if again.succeeded else again.failure.code)


if __name__ == "__main__":
    main()
