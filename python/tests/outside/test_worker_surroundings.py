"""What a body in a worker finds around it, and that what it changes there does not reach the next one."""

from __future__ import annotations

from tests.outside.programs import Programs


def test_directory_and_environment_travel_with_each_call(programs: Programs) -> None:
    programs.run(
        """
        import os
        from endstop import ToolExecutor
        from tests.support.worker_tools import surroundings

        with ToolExecutor() as executor:
            executor.register(surroundings, placement="worker")
            first = executor.execute_tool("surroundings")
            assert (first["directory"], first["colour"], first["home"]) == (os.getcwd(), None, True)
            os.makedirs("elsewhere")
            os.chdir("elsewhere")
            os.environ["COLOUR"] = "red"
            del os.environ["HOME"]
            second = executor.execute_tool("surroundings")
            assert (second["directory"], second["colour"], second["home"]) == (os.getcwd(), "red", False)
            os.chdir("..")
            os.rmdir("elsewhere")
            del os.environ["COLOUR"]
            third = executor.execute_tool("surroundings")
            assert (third["directory"], third["colour"]) == (os.getcwd(), None)
        """,
        HOME="/",
    )


def test_a_directory_that_a_worker_cannot_enter_is_named_and_no_body_runs(programs: Programs) -> None:
    programs.run(
        """
        import os
        from endstop import ToolExecutor
        from tests.support.worker_tools import surroundings

        with ToolExecutor() as executor:
            executor.register(surroundings, placement="worker")
            executor.execute_tool("surroundings")
            os.makedirs("gone")
            os.chdir("gone")
            here = os.getcwd()
            real = os.getcwd
            os.getcwd = lambda: here
            os.rmdir(here)
            outcome = executor.try_execute_tool("surroundings")
            assert (outcome.failure.code, outcome.attempts) == ("cannot-move", 0), outcome
            assert here in outcome.failure.message
        """
    )


def test_what_a_body_changes_around_it_is_put_back_for_the_next(programs: Programs) -> None:
    programs.run(
        """
        from endstop import ToolExecutor
        from tests.support.worker_tools import disturb, surroundings

        with ToolExecutor() as executor:
            for tool in (disturb, surroundings):
                executor.register(tool, placement="worker")
            before = executor.execute_tool("surroundings")
            assert executor.execute_tool("disturb") == before["pid"]
            assert executor.execute_tool("surroundings") == before
        """
    )


def test_processes_that_a_call_leaves_behind_end_with_its_worker(programs: Programs) -> None:
    programs.run(
        """
        import time
        from endstop import ToolExecutor
        from tests.support.fake_engine import eventually, state_of
        from tests.support.worker_tools import session_and_parent, start_child, start_daemon

        with ToolExecutor() as executor:
            for tool in (session_and_parent, start_child, start_daemon):
                executor.register(tool, placement="worker")
            for name in ("start_child", "start_daemon"):
                worker = executor.execute_tool("session_and_parent")[0]
                left = executor.execute_tool(name)
                assert eventually(lambda: state_of(left) is None), name
                assert executor.execute_tool("session_and_parent")[0] != worker
        """
    )
