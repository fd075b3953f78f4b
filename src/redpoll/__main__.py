"""The command line: `redpoll-server [file | -] [--directive value …]`, as redis-server's."""

import os
import sys
from typing import Any

from redpoll.version import REDIS_VERSION, VERSION

_USAGE = f"""\
Usage: redpoll-server [/path/to/redpoll.conf | -] [options]

  redpoll-server                                  default configuration, port 6379
  redpoll-server redpoll.conf                     configuration from a file
  redpoll-server -                                configuration from standard input
  redpoll-server --port 7000 --save ""            directives as options: --name value ...
  redpoll-server redpoll.conf --loglevel verbose  options win over the file

  redpoll-server --check-system    look at the machine's settings that matter, and say what to change
  redpoll-server -v, --version     Redpoll {VERSION}, speaks Redis {REDIS_VERSION}
  redpoll-server -h, --help        this text

Every directive, with an explanation: {os.path.join(os.path.dirname(__file__), "redpoll.conf")}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a server from command-line arguments; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] in (["-v"], ["--version"]):
        print(f"Redpoll server v={VERSION} redis={REDIS_VERSION} bits=64 python={sys.version.split()[0]}")
        return 0
    if words[:1] in (["-h"], ["--help"]):
        print(_USAGE, end="")
        return 0
    if words[:1] == ["--check-system"]:
        return _check_system()
    return _serve(words)


def _check_system() -> int:
    from redpoll.server.process import check_system

    found = check_system()
    for name, well, text in found:
        print(f"[{name}] {'OK' if well else 'WARNING'}: {text}")
    return 0 if all(well for _, well, _ in found) else 1


def _serve(words: list[str]) -> int:
    from redpoll.server import banner, clock, process
    from redpoll.server.config import BadValue, Config
    from redpoll.server.config.grammar import ConfigError
    from redpoll.server.logs import Log
    from redpoll.server.server import Server, StartError

    config = Config()
    try:
        config.load(words, stdin=sys.stdin.buffer)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    supervised = process.supervisor(config.supervised)
    if config.dir:
        try:
            os.chdir(config.dir)
        except OSError as error:
            print(f"Can't chdir to '{config.dir}': {error.strerror}", file=sys.stderr)
            return 1
    if config.daemonize and supervised == "no":
        process.daemonize()
    log = Log(clock.unix_us, path=config.logfile)
    if config.syslog_enabled:
        log.use_syslog(config.syslog_ident, config.syslog_facility)
    if config.supervised in ("systemd", "upstart") and supervised == "no":
        missing = "NOTIFY_SOCKET" if config.supervised == "systemd" else "UPSTART_JOB"
        log.warning(f"supervised is {config.supervised}, but {missing} is not set: nobody is told of this server.")
    try:
        server = Server(config, log=log)
    except BadValue as error:
        log.warning(f"The configuration cannot be followed: {error}")
        return 1
    server.own_process()
    server.supervised = supervised
    pid_file = config.pidfile or ("/var/run/redpoll.pid" if config.daemonize else "")
    try:
        server.listen()
    except StartError as error:
        log.warning(str(error))
        return 1
    if pid_file:
        try:
            process.write_pid_file(pid_file)
        except OSError as error:
            log.warning(f"Failed to write PID file {pid_file}: {error.strerror}")
    process.on_signals(server.signalled)
    banner.announce(log, mode="standalone", port=config.port, always=config.always_show_logo)
    log.notice("Server initialized")
    try:
        server.load()
    except StartError as error:
        log.warning(str(error))
        if pid_file:
            process.remove_pid_file(pid_file)
        return 1
    if not server.stopping:
        _say_hello(server)
    if supervised == "systemd":
        process.notify_systemd("STATUS=Ready to accept connections\nREADY=1\n")
    elif supervised == "upstart":
        import signal

        os.kill(os.getpid(), signal.SIGSTOP)
    try:
        code = server.run()
    finally:
        if pid_file:
            process.remove_pid_file(pid_file)
    log.warning("Redpoll is now ready to exit, bye bye...")
    return code


def _say_hello(server: Any) -> None:
    log = server.log
    for name in server.config.not_in_force():
        if moot := server.config.moot(name):
            log.notice(f"The directive '{name}' is accepted and kept, and changes nothing: {moot}.")
            continue
        why = server.config.waits_for(name)
        reason = f": it waits for {why}." if why else "."
        log.warning(f"The directive '{name}' is accepted and kept, but nothing acts on it yet{reason}")
    for name in server.tls.not_in_force():
        log.warning(f"The directive '{name}' is kept, but the ssl module of this Python has no way to follow it.")
    server.show_title()
    for listener in server.listeners:
        if listener.name == "unix":
            log.notice(f"Ready to accept connections unix: redis-cli -s {listener.address}")
        elif listener.address in ("*", "127.0.0.1", "0.0.0.0", "localhost"):
            log.notice(
                f"Ready to accept connections tcp: redis-cli -p {listener.port}  "
                f"(or any Redis client: redis://127.0.0.1:{listener.port})"
            )
        else:
            log.verbose(f"Listening on {listener.address} port {listener.port}")


if __name__ == "__main__":
    sys.exit(main())
