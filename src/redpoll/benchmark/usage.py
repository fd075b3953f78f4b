"""The text of `--help`."""

USAGE = """\
Usage: redpoll-benchmark [OPTIONS] [--] [COMMAND ARGS...]
Without a command: the tests that -t names, or all.

Where to
  -h <host>              name or address (127.0.0.1)
  -p <port>              port (6379)
  -s <socket>            a Unix socket instead of host and port
  -u <uri>               all in one: redis://user:password@host:port/database, rediss:// with TLS;
                         valkey:// and valkeys:// mean the same
  --mptcp                connect by Multipath TCP
  --cluster              a cluster: connections are shared out to its nodes. Keys of a command must
                         have "{tag}" in them, which becomes what sends them to the right node
  --rfr no|yes|all       read from primaries (no), replicas (yes) or both

As whom, and how
  -a <password>          AUTH with it
  --user <name>          the user, together with a password
  --dbnum <number>       SELECT it first (0)
  -3                     speak RESP3
  --enable-tracking      CLIENT TRACKING ON first
  -k 1|0                 keep connections (1), or make a new one for each batch (0)

How much
  -c <clients>           connections (50)
  -n <requests>          how many requests in all (100000)
  --duration <seconds>   so long, instead
  --warmup <seconds>     so long before figures count
  -P <requests>          how many each connection sends at once (1)
  --threads <number>     threads that share the connections
  --rate <requests>      so many a second, whatever the server does: each request is due at a time of its
                         own, and its latency counts from then. -P says how many that are due go together
  --rps <requests>       no more than so many a second; latency counts from when each was sent
  -l                     the tests again and again

What
  -t <tests>             a list of: ping ping_inline ping_mbulk set get incr lpush rpush lpop rpop sadd hset
                         spop zadd zpopmin lrange lrange_100 lrange_300 lrange_500 lrange_600 mset mget xadd
                         function_load fcall
  --mix <parts>          tests or commands by chance, with their weights: get:80,set:20 or
                         'GET key:__rand_int__:80,INCR hits:1'
  -d <bytes>             size of values (3)
  -r <keys>              keys (members, fields) are numbers below that; else all requests have the same
  --zipf <exponent>      few of them often, most seldom, by Zipf's law: 0.99 is usual
  --sequential           one after the other, instead of by chance
  --seed <number>        what chance begins with, to have the same requests again
  --num-functions <number>, --num-keys-in-fcall <number>   for function_load (10) and fcall (1)
  --dataset <file>       CSV, TSV or XML: __field:name__ in a command becomes that column of the next record
  --maxdocs <number>     no more records than that
  --xml-root-element <name>   which element of XML is a record
  -x                     the command's last argument is the standard input
  -I                     only open the connections, and wait

  Commands: ';' stands between several that are sent together, a number before one says how often it is sent.
  __rand_int__ becomes twelve digits (with -r), another number each time; __rand_1st__ to __rand_9th__ are the same
  throughout the sequence; __data__ becomes a value of -d bytes.

What is told
  -q                     a line for each test
  --csv                  rows
  --precision <digits>   is accepted; milliseconds have three places
  --vs <host:port>       the same load on both servers by turns, and their ratios
  --rounds <number>      how many turns for that (3)
  --plot <file.svg>      latency by percentile, and throughput over time

TLS
  --tls                  use it
  --sni <name>           the server's name to ask for
  --cacert <file>, --cacertdir <folder>   which authorities to trust, instead of the system's
  --insecure             believe any certificate
  --cert <file>, --key <file>             who we are
  --tls-ciphers <list>, --tls-ciphersuites <list>   what to encrypt with, up to TLS 1.2, and in TLS 1.3

  --help, --version

Examples
  redpoll-benchmark -q
  redpoll-benchmark -t set,get -P 16 -r 1000000 --csv
  redpoll-benchmark -r 100000 -n 1000000 -- multi ';' set key:__rand_int__ __data__ ';' incr counter ';' exec
  redpoll-benchmark --mix get:80,set:20 -r 1000000 --zipf 0.99 --duration 30
  redpoll-benchmark -t get --rate 50000 --plot latency.svg
  redpoll-benchmark -p 6379 --vs 127.0.0.1:6380 -t get,set -P 16
"""
