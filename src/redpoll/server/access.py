"""Who may do what: connections and their users, logins, refusals, and the file that users are kept in.

A connection has an `Account` (security/account.pyx). Unless that is free to do all, a bit in the connection's gate has
dispatch ask it before each command. Whoever runs commands for a connection by another way, as scripts do, asks
`Dispatcher.access_refusal`, with the context that ACL LOG is to tell.
"""

import os
from collections.abc import Sequence
from typing import Any

from redpoll import errors
from redpoll.commands import declare
from redpoll.errors import CommandError
from redpoll.security.denials import AUTH, CHANNEL, COMMAND, DATABASE, KEY, Denials
from redpoll.security.guessing import Guesses
from redpoll.security.rules import READ, RuleError, has_spaces, joined
from redpoll.security.users import BAD_NAME, DEFAULT, DUPLICATE, LoadError, Modification, Users, apply

UNAUTHENTICATED = 1  # bits of a connection's gate, see connection.pxd
RULES = 4096

# Verdicts of security/account.pxd.
_DENIED_DATABASE, _DENIED_COMMAND, _DENIED_KEY, _DENIED_CHANNEL = 1, 2, 3, 4
_REASONS = {_DENIED_DATABASE: DATABASE, _DENIED_COMMAND: COMMAND, _DENIED_KEY: KEY, _DENIED_CHANNEL: CHANNEL}
_REASONS_IN_EXEC = {
    _DENIED_DATABASE: "no permission",
    _DENIED_COMMAND: "no permission to run the command",
    _DENIED_KEY: "no permission to touch the specified keys",
    _DENIED_CHANNEL: "no permission to access one of the channels used as arguments to the command",
}
_FILE_ERRORS = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
FILE_AND_LINES = (
    "Configuring Redpoll with users defined in the configuration file and at the same time with an ACL file is "
    "invalid: it leads to mistakes and security holes. Define users in one of them, not in both."
)


class AccessError(Exception):
    """Users that cannot be read; the text says why."""


class Access:
    """Users of one server, and their connections."""

    def __init__(self, server: Any) -> None:
        self._server = server
        config = server.config
        self.users = Users(all_channels=config.acl_pubsub_default == "allchannels", databases=config.databases)
        self.log = Denials(server.config.acllog_max_len)
        self.guesses = Guesses()

    # Connections

    def opened(self, connection: Any) -> None:
        """A connection begins, or begins anew: as the default user, if that needs no password."""
        self._become(connection, self.users.default)
        user = self.users.default.user
        if not user.no_password or not user.enabled:
            connection.gate |= UNAUTHENTICATED
            connection.trusted = False

    def _become(self, connection: Any, account: Any) -> None:
        connection.account = account
        if account.unrestricted:
            connection.gate &= ~RULES
        else:
            connection.gate |= RULES

    def _let_in(self, connection: Any) -> None:
        connection.gate &= ~UNAUTHENTICATED
        connection.trusted = True

    def _connections(self, account: Any) -> list[Any]:
        return [one for one in self._server.loop.connections.values() if one.account is account]

    def _close(self, connection: Any, caller: Any) -> None:
        connection.closing_reason = "its user changed"
        connection.gate |= UNAUTHENTICATED
        if connection is caller:
            self._server.loop.close_after_reply(connection)
        else:
            self._server.loop.close(connection)

    # Logging in

    def may_try(self, call: Any) -> bool:
        """Whether a login may be looked at now; False: it has to wait, and the command runs again when it has.

        Raises `CommandError` if too many wait.
        """
        connection = call.connection
        if connection.waiter is not None:
            return True
        wait_ms = self.guesses.wait_ms(_host(connection), call.now_ms)
        if not wait_ms:
            return True
        if wait_ms < 0 or not call.wait_for_time(0, lambda: CommandError(errors.TOO_MANY_GUESSES), wait_ms):
            raise CommandError(errors.TOO_MANY_GUESSES)
        return False

    def log_in(self, call: Any, name: bytes, password: bytes) -> None:
        """Have the call's connection work as a user. Raises `CommandError`."""
        connection = call.connection
        account = self.users.get(name)
        # Who is not there is looked at as long as who is.
        user = (account or self.users.default).user
        if not user.matches(password) or account is None:
            self.guesses.failed(_host(connection), call.now_ms)
            self._note(connection, AUTH, _context(connection), call.args[0], name)
            raise CommandError(errors.WRONG_PASS)
        self._become(connection, account)
        self._let_in(connection)

    def log_in_by_certificate(self, connection: Any, name: str) -> bool:
        """Have a connection work as the user that its certificate names; False: there is none that may log in."""
        account = self.users.get(name.encode())
        if account is None or not account.user.enabled:
            return False
        self._become(connection, account)
        self._let_in(connection)
        return True

    # Refusals

    def refusal(self, connection: Any, words: list[bytes], context: str | None = None) -> str | None:
        """Why a connection's user may not run a command, without a code; None: it may, or there is no such command.

        Logged under `context`, such as `lua`; without one it is only a question.
        """
        account = connection.account
        command = declare.lookup(words, self._server.command_table)
        if command is None or account is None or account.unrestricted:
            return None
        verdict, word = account.verdict(command, words, connection.db_index)
        return self.refused(connection, command, words, verdict, word, context) if verdict else None

    def refused(
        self, connection: Any, command: Any, words: list[bytes], verdict: int, word: int, context: str | None
    ) -> str:
        """The text, without a code, for a command that may not run; it is logged under a context if there is one."""
        account = connection.account
        if context is not None:
            what = words[word] if word else command.name.encode()
            self._note(connection, _REASONS[verdict], context or _context(connection), what, account.name)
        if verdict == _DENIED_KEY:
            return errors.KEY_DENIED
        if verdict == _DENIED_CHANNEL:
            return errors.CHANNEL_DENIED
        if verdict == _DENIED_DATABASE:
            return errors.DATABASE_DENIED
        return errors.command_denied(account.name.decode("latin-1"), command.name)

    def refused_in_exec(self, connection: Any, command: Any, words: list[bytes], verdict: int, word: int) -> str:
        """The reply to a queued command that may not run any more."""
        self.refused(connection, command, words, verdict, word, "multi")
        return errors.rules_changed(_REASONS_IN_EXEC[verdict])

    def would_refuse(self, account: Any, command: Any, words: list[bytes], database: int) -> str | None:
        """Why a user could not run a command, or None."""
        verdict, word = account.verdict(command, words, database)
        if not verdict:
            return None
        user = account.name.decode("latin-1")
        what = words[word].decode("latin-1")
        if verdict == _DENIED_KEY:
            return errors.object_denied(user, "key", what)
        if verdict == _DENIED_CHANNEL:
            return errors.object_denied(user, "channel", what)
        if verdict == _DENIED_DATABASE:
            return errors.database_denied(user, what)
        return errors.command_denied(user, command.name)

    def may_read_all(self, call: Any) -> bool:
        """Whether the caller's user may run this command with every key to be read."""
        account = call.connection.account
        command = declare.lookup(call.args, self._server.command_table)
        found: bool = account.may_all_keys(command, call.args, READ, call.db.index)
        return found

    def _note(self, connection: Any, reason: str, context: str, what: bytes, user: bytes) -> None:
        server = self._server
        client = server.clients.describe(connection).encode("latin-1")
        self.log.note(reason, context, what, user, client=client, now_ms=server.unix_us() // 1000)

    # Users

    def set_user(self, name: bytes, rules: Sequence[bytes], caller: Any) -> None:
        """ACL SETUSER: all rules or none. Raises `CommandError`."""
        try:
            user = self.users.modified(name, rules)
        except Modification as error:
            raise CommandError(errors.bad_acl_rule(error.rule.decode("latin-1"), str(error))) from None
        except RuleError as error:
            raise CommandError(f"ERR {error}") from None
        self._rules_changed(self.users.put(user), caller)

    def delete_user(self, name: bytes, caller: Any) -> bool:
        """Delete a user and close its connections; whether there was one."""
        account = self.users.remove(name)
        if account is None:
            return False
        self._gone(account, caller)
        return True

    def _gone(self, account: Any, caller: Any) -> None:
        for connection in self._connections(account):
            self._become(connection, self.users.default)
            self._close(connection, caller)

    def _rules_changed(self, account: Any, caller: Any) -> None:
        for connection in self._connections(account):
            self._become(connection, account)
            if not self._may_stay_subscribed(connection):
                self._close(connection, caller)
        if account is self.users.default and account.user.no_password and account.user.enabled:
            # Who is in stays in; without a password nobody has to prove anything.
            for connection in self._server.loop.connections.values():
                self._let_in(connection)

    def _may_stay_subscribed(self, connection: Any) -> bool:
        own, account = connection.subscriptions, connection.account
        if own is None or account.unrestricted:
            return True
        return all(account.may_hear(name, True) for name in own.patterns) and all(
            account.may_hear(name, False) for names in (own.channels, own.shards) for name in names
        )

    def random_digits(self, count: int) -> bytes:
        """So many hexadecimal digits that nobody can guess."""
        return os.urandom((count + 1) // 2).hex()[:count].encode()

    # Directives

    def use_password(self, password: bytes) -> None:
        """`requirepass`: the default user's password, instead of those it has; empty: it needs none."""
        self.set_user(DEFAULT, (b"resetpass", b">" + password) if password else (b"nopass",), None)

    def apply_settings(self) -> None:
        """Some directive changed."""
        config = self._server.config
        self.users.all_channels = config.acl_pubsub_default == "allchannels"
        self.log.limit = config.acllog_max_len

    # Files

    def load_at_start(self) -> None:
        """Take the users of the configuration, or of the ACL file. Raises `AccessError`."""
        config = self._server.config
        if config.aclfile:
            if config.user:
                raise AccessError(FILE_AND_LINES)
            try:
                self._take(self._read_file(), None)
            except LoadError as error:
                raise AccessError(f"Aborting startup because of ACL errors: {error}") from None
            return
        users: dict[bytes, Any] = {}
        for words in config.user:
            shown = words[0].decode("latin-1")
            if words[0] in users:
                raise AccessError(f"Error in user declaration '{shown}': {DUPLICATE}")
            if has_spaces(words[0]):
                raise AccessError(BAD_NAME)
            # The default user too begins as one who may do nothing, once something is said of it.
            user = users[words[0]] = self.users.new(words[0])
            try:
                apply(user, joined(words[1:]))
            except Modification as error:
                raise AccessError(f"Error in user declaration '{error.rule.decode('latin-1')}': {error}") from None
            except RuleError as error:
                raise AccessError(f"Error in user declaration '{shown}': {error}") from None
        for user in users.values():
            self._rules_changed(self.users.put(user), None)

    def _read_file(self) -> dict[bytes, Any]:
        path = self._server.config.aclfile
        try:
            with open(path, "rb") as file:
                lines = file.read().split(b"\n")
        except OSError as error:
            raise LoadError(f"Error loading ACLs, opening file '{path}': {error.strerror}") from None
        return self.users.read(lines, path)

    def _take(self, users: dict[bytes, Any], caller: Any) -> None:
        for account in self.users.replace(users):
            self._gone(account, caller)
        for name in self.users.names():
            self._rules_changed(self.users.get(name), caller)

    def load_file(self, caller: Any) -> None:
        """ACL LOAD: the users of the file and no others. Raises `CommandError`."""
        if not self._server.config.aclfile:
            raise CommandError(errors.NO_ACL_FILE)
        try:
            users = self._read_file()
        except LoadError as error:
            text = str(error)
            raise CommandError(
                "ERR " + text + (_FILE_ERRORS if ":" in text and "opening" not in text else "")
            ) from None
        self._take(users, caller)

    def save_file(self) -> None:
        """ACL SAVE. Raises `CommandError`."""
        path = self._server.config.aclfile
        if not path:
            raise CommandError(errors.NO_ACL_FILE)
        try:
            replace_file(path, b"".join(line + b"\n" for line in self.users.lines()))
        except OSError as error:
            self._server.log.warning(f"Error while saving ACLs: {error.filename}: {error.strerror}")
            raise CommandError(errors.ACL_NOT_SAVED) from None

    def owned_lines(self) -> dict[str, list[bytes]]:
        """The lines of users that belong into the configuration file; none, if there is an ACL file."""
        if self._server.config.aclfile:
            return {"user": []}
        return {"user": [line.removeprefix(b"user ") for line in self.users.lines()]}

    @property
    def denied(self) -> dict[str, int]:
        """How often what was refused."""
        return self.log.counts


def _host(connection: Any) -> str:
    address: str = connection.address
    return address.rpartition(":")[0] if not connection.unix_socket else address


def _context(connection: Any) -> str:
    return "multi" if connection.transaction is not None else "toplevel"


def replace_file(path: str, text: bytes) -> None:
    """Put a new file in the place of the old one, so that a crash leaves either whole. Raises `OSError`."""
    beside = f"{path}.tmp-{os.getpid()}"
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        written = 0
        while written < len(text):
            written += os.write(file, text[written:])
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(beside, path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
