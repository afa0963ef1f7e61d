import os
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from hotpack.sandbox.output import Output


class Pipe(NamedTuple):
    output: Output
    write_end: int
    heard: list[str]

    def write(self, data: bytes) -> None:
        os.write(self.write_end, data)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read_end, write_end = os.pipe()
    heard: list[str] = []
    yield Pipe(Output(read_end, heard.append), write_end, heard)
    os.close(read_end)
    os.close(write_end)


def test_what_was_written_before_a_line_of_the_platforms_comes_before_it(pipe: Pipe) -> None:
    pipe.write(b"one\ntwo\n")
    pipe.output.say("END")
    pipe.write(b"three\n")
    assert pipe.output.take() == ("one", "two", "END", "three")
    assert pipe.heard == ["one", "two", "END", "three"]


def test_a_line_comes_whole_however_it_was_written(pipe: Pipe) -> None:
    umlaut = "ü".encode()
    pipe.write(b"gr" + umlaut[:1])
    assert pipe.output.pump()
    pipe.write(umlaut[1:] + b"n\n")
    assert pipe.output.take() == ("grün",)


def test_an_unfinished_line_ends_with_the_invocation(pipe: Pipe) -> None:
    pipe.write(b"no newline")
    pipe.output.say("END")
    assert pipe.output.take() == ("no newline", "END")


def test_a_record_joined_by_carriage_returns_is_one_event_of_several_lines(pipe: Pipe) -> None:
    pipe.write("[ERROR] ValueError\rTraceback:\r\u00a0\u00a0File\nnext\r\n".encode())
    assert pipe.output.take() == ("[ERROR] ValueError\nTraceback:\n\u00a0\u00a0File", "next")


def test_what_is_no_utf8_does_not_hurt(pipe: Pipe) -> None:
    pipe.write(b"\xff!\n")
    assert pipe.output.take() == ("\ufffd!",)


def test_lines_are_taken_once(pipe: Pipe) -> None:
    pipe.write(b"one\n")
    assert pipe.output.take() == ("one",)
    assert pipe.output.take() == ()


def test_a_closed_one_reads_no_more(pipe: Pipe) -> None:
    pipe.write(b"before\n")
    pipe.output.close()
    pipe.write(b"after\n")
    pipe.output.say("END")
    assert pipe.output.take() == ("before", "END")


def test_a_process_that_writes_on_and_on_holds_nobody_up() -> None:
    """Reading ends though a writer keeps the pipe full: timeouts are looked at in between."""
    reading, writing = os.pipe()
    stop = threading.Event()

    def write() -> None:
        line = b"y" * 99 + b"\n"
        while not stop.is_set():
            os.write(writing, line * 100)

    writer = threading.Thread(target=write)
    writer.start()
    output = Output(reading, None)
    try:
        for _ in range(20):
            assert output.pump()
        output.say("the platform's")
        assert output.take()[-1] == "the platform's"
    finally:
        stop.set()
        output.pump()  # room for a write that waits
        writer.join()
        output.close()
        os.close(writing)
        os.close(reading)


def test_what_is_kept_is_bounded() -> None:
    """Of very many events the latest are kept; whoever listens is told all of them."""
    heard: list[str] = []
    reading, writing = os.pipe()
    output = Output(reading, heard.append)
    for number in range(40):
        output.say(f"{number:03}" + "x" * 1024 * 1024)
    kept = output.take()
    assert kept[-1].startswith("039")
    assert sum(map(len, kept)) <= 17 * 1024 * 1024
    assert len(heard) == 40
    assert output.take() == ()
    os.close(writing)
    os.close(reading)


def test_a_very_long_line_is_several_events() -> None:
    """A line without an end is told in parts, as CloudWatch takes no event of any size."""
    reading, writing = os.pipe()
    output = Output(reading, None)
    for _ in range(40):
        os.write(writing, b"x" * 60_000)
        output.pump()
    kept = output.take()
    assert sum(map(len, kept)) == 40 * 60_000
    assert len(kept) == 3
    os.close(writing)
    os.close(reading)


def test_a_listener_that_raises_is_told_no_more() -> None:
    """Its terminal is gone: that is no reason to read nothing from the function any more."""
    heard: list[str] = []

    def listen(line: str) -> None:
        heard.append(line)
        raise BrokenPipeError

    reading, writing = os.pipe()
    output = Output(reading, listen)
    output.say("one")
    output.say("two")
    assert output.take() == ("one", "two")
    assert heard == ["one"]
    os.close(writing)
    os.close(reading)
