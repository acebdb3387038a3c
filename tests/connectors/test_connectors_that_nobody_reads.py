"""A connector whose standard output is closed, or that is to end: it ends in silence, or with a sentence."""
# ruff: noqa: S603 - the commands are the tests' own

import os
import signal
import subprocess

import pytest

from tests.support.connector_processes import command


@pytest.mark.parametrize("connector", ["source_sage100", "destination_ssm"])
def test_a_connector_whose_reader_has_gone_ends_like_any_program_in_a_pipe(connector):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(command(connector, "spec"), stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_a_connector_without_a_standard_output_says_so():
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command("source_sage100", "spec")], capture_output=True, check=False
    )
    sentence = b"The standard output is closed: there is nowhere to write the messages to.\n"
    assert (done.returncode, done.stderr) == (1, sentence)


@pytest.mark.parametrize(
    ("connector", "number"), [("source_sage100", signal.SIGTERM), ("destination_sage100", signal.SIGINT)]
)
def test_a_connector_that_is_cancelled_shows_no_traceback(tmp_path, connector, number):
    config = tmp_path / "config.json"
    os.mkfifo(config)  # a file that is never read to its end: the connector waits in its middle
    check = command(connector, "check", "--config", config)
    with (
        subprocess.Popen(check, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        config.open("w"),  # opens once the connector has opened it
    ):
        process.send_signal(number)
        errors = process.communicate(timeout=30)[1]
    assert (process.returncode, errors) == (128 + number, b"")
