"""Log lines, files, syslog, and the banner."""

import json
import os
from datetime import timedelta, timezone
from types import SimpleNamespace

import pytest

from redpoll.server.banner import announce, banner
from redpoll.server.logs import Level, Log, Role, timestamp
from redpoll.version import VERSION

NOW_US = 1_795_392_431_688_999
UTC = timezone.utc  # noqa: UP017  # as zone for many lines


def make(**settings):
    return Log(lambda: NOW_US, pid=4711, zone=UTC, **settings)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "redpoll.log"


def test_legacy_lines():
    log = make()
    assert log.line(Level.NOTICE, "Ready", NOW_US) == "4711:M 23 Nov 2026 00:07:11.688 * Ready\n"
    signs = [log.line(level, "x", NOW_US).split()[-2] for level in list(Level)[:4]]
    assert signs == [".", "-", "*", "#"]


@pytest.mark.parametrize(
    ("role", "letter"), [(Role.PRIMARY, "M"), (Role.REPLICA, "S"), (Role.CHILD, "C"), (Role.SENTINEL, "X")]
)
def test_roles(role, letter):
    log = make()
    log.role = role
    assert log.line(Level.NOTICE, "x", NOW_US).startswith(f"4711:{letter} ")


def test_times():
    tokyo = timezone(timedelta(hours=9))
    assert timestamp(NOW_US, "legacy", tokyo) == "23 Nov 2026 09:07:11.688"
    assert timestamp(NOW_US, "iso8601", tokyo) == "2026-11-23T09:07:11.688+09:00"
    assert timestamp(NOW_US, "iso8601", timezone(-timedelta(hours=3, minutes=30))) == "2026-11-22T20:37:11.688-03:30"
    assert timestamp(NOW_US, "milliseconds", tokyo) == "1795392431688"
    assert timestamp(1_000_999, "legacy", UTC) == "01 Jan 1970 00:00:01.000"


def test_logfmt():
    log = make(layout="logfmt", timestamps="iso8601")
    assert log.line(Level.WARNING, 'say "hi"\n\\', NOW_US) == (
        'pid=4711 role=primary timestamp="2026-11-23T00:07:11.688+00:00" level=warning message="say \\"hi\\"\\n\\\\"\n'
    )


def test_json():
    log = make(layout="json")
    line = log.line(Level.DEBUG, 'ä "x"\n', NOW_US)
    assert line.startswith('{"pid":4711,"role":"primary","timestamp":"23 Nov 2026 00:07:11.688","level":"debug",')
    assert line.count("\n") == 1
    assert json.loads(line)["message"] == 'ä "x"\n'


def test_levels(file):
    log = make(path=str(file), level=Level.NOTICE)
    for level in ("debug", "verbose", "notice", "warning"):
        getattr(log, level)(level)
    assert [line.split()[-1] for line in file.read_text().splitlines()] == ["notice", "warning"]
    log.level = Level.NOTHING
    log.warning("not even this")
    assert len(file.read_text().splitlines()) == 2


def test_a_message_stays_one_line(file):
    log = make(path=str(file))
    log.notice("key\r\n4711:M fake")
    assert file.read_text() == "4711:M 23 Nov 2026 00:07:11.688 * key\\r\\n4711:M fake\n"


def test_raw_text_is_left_alone(file):
    log = make(path=str(file))
    log.raw("two\nlines\n")
    log.raw("hidden\n", Level.DEBUG)
    assert file.read_text() == "two\nlines\n"


def test_files_are_appended_to(file):
    file.write_text("before\n")
    make(path=str(file)).notice("after")
    assert file.read_text().startswith("before\n4711:M")


def test_a_moved_file_is_opened_anew(file):
    log = make(path=str(file))
    log.notice("one")
    file.rename(file.with_suffix(".1"))
    log.notice("two")
    file.unlink()
    log.notice("three")
    assert "one" in file.with_suffix(".1").read_text()
    assert [line.split()[-1] for line in file.read_text().splitlines()] == ["three"]


def test_a_replaced_file_is_opened_anew(file):
    log = make(path=str(file))
    log.notice("one")
    other = file.with_suffix(".new")
    other.touch()
    other.replace(file)
    log.notice("two")
    assert [line.split()[-1] for line in file.read_text().splitlines()] == ["two"]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path, file):
    log = make(path=str(tmp_path / "missing" / "x.log"))
    log.notice("lost")
    log.path = str(file)
    log.notice("found")
    assert "found" in file.read_text()


def test_lone_surrogates_do_not_hurt(file):
    make(path=str(file)).notice("a\udcffb")
    assert "a\\udcffb" in file.read_text()


def test_standard_output_is_a_descriptor():
    reader, writer = os.pipe()
    make(stdout=writer).notice("hello")
    os.close(writer)
    with os.fdopen(reader) as lines:
        assert lines.read() == "4711:M 23 Nov 2026 00:07:11.688 * hello\n"


class FakeSyslog(SimpleNamespace):
    """The names of the syslog module that a log uses."""

    LOG_PID, LOG_NDELAY, LOG_NOWAIT, LOG_LOCAL0, LOG_USER = 1, 2, 4, 128, 8
    LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING = 7, 6, 5, 4

    def openlog(self, *arguments):
        self.opened = arguments

    def syslog(self, *message):
        self.messages = [*getattr(self, "messages", []), message]


def test_syslog(file):
    log, syslog = make(path=str(file), level=Level.VERBOSE), FakeSyslog()
    log.use_syslog("birds", "user", syslog)
    log.verbose("a")
    log.debug("b")
    log.warning("c")
    assert syslog.opened == ("birds", 7, 8)
    assert syslog.messages == [(6, "a"), (4, "c")]
    assert len(file.read_text().splitlines()) == 2


def test_user_data_can_be_hidden():
    log = make()
    assert log.user_data("secret") == "secret"
    log.hide_user_data = True
    assert log.user_data("secret") == "*redacted*"


def test_the_banner_tells_the_facts():
    text = banner(mode="standalone", port=6379, pid=4711)
    for fact in (VERSION, "64 bit", "Mode: standalone", "Port: 6379", "PID: 4711"):
        assert fact in text
    assert max(map(len, text.splitlines())) < 80


def test_a_file_gets_a_plain_line_instead(file):
    log = make(path=str(file))
    announce(log, mode="cluster", port=7000)
    assert file.read_text().endswith("mode=cluster, port=7000, PID: 4711\n")
    announce(log, mode="cluster", port=7000, always=True)
    assert file.read_text().endswith(banner(mode="cluster", port=7000, pid=4711))


def test_the_logo_is_for_terminals(file):
    leader, terminal = os.openpty()
    try:
        assert make(stdout=terminal).shows_logo(False)
        assert not make(stdout=terminal, path=str(file)).shows_logo(False)
        watched = make(stdout=terminal)
        watched.use_syslog(module=FakeSyslog())
        assert not watched.shows_logo(False)
        assert watched.shows_logo(True)
    finally:
        os.close(leader)
        os.close(terminal)
    with file.open("wb") as plain:
        assert not make(stdout=plain.fileno()).shows_logo(False)
