"""The text of `--help`."""

USAGE = """\

Usage: redpoll-cli [options] [command [argument ...]]
Without a command: an interactive session, or commands from the standard input, one a line.

Where to
  -h <host>                name or address (127.0.0.1)
  -p <port>                port (6379)
  -s <socket>              a Unix socket instead of host and port
  -4 | -6                  only IPv4, only IPv6
  -t <seconds>             how long to wait for the connection (0: as the system does)
  --mptcp                  connect by Multipath TCP
  -u <uri>                 all in one: redis://user:password@host:port/database, rediss:// with TLS;
                           valkey:// and valkeys:// mean the same
  -n <database>            SELECT it first

As whom
  -a, --pass <password>    AUTH with it; the variable REDISCLI_AUTH is seen by fewer eyes
  --user <name>            the user, together with a password
  --askpass                ask for the password on the terminal
  --no-auth-warning        do not warn of passwords on the command line
  --name <name>            CLIENT SETNAME

How
  -2 | -3                  speak RESP2, RESP3
  -c                       follow the redirections of a cluster
  -r <count>               send the command that often (-1: for ever)
  -i <seconds>             wait between repetitions, and between the steps of --scan, --stat and others
  -x                       the last argument is the standard input
  -X <tag>                 the argument that equals the tag is the standard input
  -e                       exit with 1 when the reply is an error
  --quoted-input           arguments are quoted strings with escapes
  --verbose                say more

How replies look
  --no-raw                 for people: quoted, numbered, indented (standard on a terminal)
  --raw                    bytes as they are (standard elsewhere)
  --csv | --json           rows, or JSON (asks for RESP3 unless -2)
  --quoted-json            JSON of ASCII, for strings that are no UTF-8
  -d <text>                between elements of raw replies (newline)
  -D <text>                after each raw reply (newline)
  --show-pushes <yes|no>   print RESP3's push messages (yes on a terminal)

TLS
  --tls                    use it
  --sni <name>             the server's name to ask for
  --cacert <file>, --cacertdir <folder>   which authorities to trust, instead of the system's
  --insecure               believe any certificate
  --cert <file>, --key <file>             who we are
  --tls-ciphers <list>, --tls-ciphersuites <list>   what to encrypt with, up to TLS 1.2, and in TLS 1.3

A look at a server
  --stat                   a line of figures a second
  --latency                sample round trips; off the terminal for a second (-i), then one line
  --latency-history        the same in windows of 15 seconds (-i)
  --latency-dist           as a coloured spectrum (--mono: in grey)
     --latency-percentiles <list>    these too, and in microseconds: 50,99,99.9
  --intrinsic-latency <seconds>   how long this machine lets a process wait
  --scan                   names of all keys
  --bigkeys                keys with the most elements
  --memkeys                keys with the most bytes;   --memkeys-samples <count>
  --keystats               both, with their distribution; --keystats-samples <count>
  --hotkeys                keys asked for most (needs an LFU policy)
     --hotkeys-count <number>        how many (16)
     --pattern <glob>, --quoted-pattern <quoted glob>   only keys that match
     --count <number>      COUNT for SCAN
     --cursor <number>     where to go on
     --top <number>        how many of the largest keys --keystats shows (10)
  --vset-recall <key>      how many true neighbours a vector set's index finds, by queries mixed from elements
     --vset-recall-count <number>    neighbours a query asks for (100)
     --vset-recall-ef <number>       how hard the index looks (500)
     --vset-recall-ele <number>      elements mixed for a query (1)
  --lru-test <keys>        a cache's load, four fifths of it on a fifth of the keys
  --replica                be a replica and show what comes
  --rdb <file>             fetch an RDB file (-: to the standard output)
  --functions-rdb <file>   fetch one of functions alone

Loading and scripts
  --pipe                   send the standard input as it is, count replies
  --pipe-timeout <seconds> how long to wait for the last reply (30; 0: for ever)
  --eval <file>            run a Lua script: keys, a comma, arguments
  --ldb | --ldb-sync-mode  debug it; the second blocks the server and keeps changes

Clusters
  --cluster <command> ...  `--cluster help` lists them

Interactive sessions
  --confirm | --no-confirm   ask, or don't, before FLUSHALL, KEYS * and their like
                           (as it is: ask on servers that look like production)

  --help, --version

Examples
  redpoll-cli -x SET page < page.html
  redpoll-cli -r 10 -i 1 INFO stats
  redpoll-cli --quoted-input SET '"with\\x00zero"' value
  redpoll-cli --eval limit.lua user:1 , 10 60
  redpoll-cli --scan --pattern 'session:*'
  redpoll-cli -D "" --raw DUMP a > a.dump && redpoll-cli -X payload RESTORE b 0 payload < a.dump

Settings of interactive sessions: ~/.redisclirc (or REDISCLI_RCFILE), history in
~/.rediscli_history (REDISCLI_HISTFILE). Where the options say nothing of it, the place is that of
VALKEYCLI_HOST and VALKEYCLI_PORT.
"""
