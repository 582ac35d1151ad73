"""What the summary of a test run tells besides passed and failed."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many answers of each lab the tests caught and kept, also when they ran in other processes."""
    reports = [report for group in ("passed", "failed") for report in terminalreporter.getreports(group)]
    lines = sorted(text for report in reports for name, text in report.user_properties if name == "answers")
    if lines:
        terminalreporter.section("answers of the labs")
        for line in lines:
            terminalreporter.write_line(line)
