"""INFO: which sections, in which order, with which fields."""

from types import SimpleNamespace

import pytest

from redpoll.server.info import SECTIONS, bound, human, percentage, ratio, render, safe, section
from redpoll.server.info_sections import LRU_CLOCK_MASK
from redpoll.version import REDIS_VERSION, VERSION

# What Valkey tells of being Valkey, which would be a lie here.
VALKEYS_OWN = {"valkey_version", "valkey_release_stage"}

NOW_US = 1_795_392_431_688_999


def usage(system, user):
    return SimpleNamespace(ru_stime=system, ru_utime=user)


def make_source(**groups):
    """A server that has done nothing yet."""
    idle = {
        "cpu": SimpleNamespace(process=usage(1, 2), children=usage(0, 0), main_thread=usage(0.5, 1.25)),
        "error_counts": {},
        "commands": {},
        "databases": (),
        "modules": (),
        "threads": (),
        "engines": (),
        "cluster_fields": (),
        "hotkeys": None,
        "now_us": NOW_US,
    }
    names = ("config", "identity", "clients", "memory", "persistence", "stats", "replication", "debug")
    return SimpleNamespace(**({name: SimpleNamespace() for name in names} | idle | groups))


def make_command(name, calls=0, usec=0, rejected=0, failed=0, subcommands=(), **more):
    return SimpleNamespace(
        name=name,
        calls=calls,
        usec=usec,
        rejected_calls=rejected,
        failed_calls=failed,
        subcommands={each.name: each for each in subcommands},
        percentiles=lambda wanted: [0.001 * calls] * len(wanted),
        **more,
    )


def titles(text):
    return [line[2:] for line in text.split("\r\n") if line.startswith("# ")]


def lines(section_name, **groups):
    text = render(make_source(**groups), [section_name.encode()])
    assert text.endswith("\r\n")
    return text[:-2].split("\r\n")[1:]


def fields(section_name, **groups):
    return dict(line.split(":", 1) for line in lines(section_name, **groups))


DEFAULT = [
    *("Server", "Clients", "Memory", "Persistence", "Threads", "Stats", "Replication", "CPU", "Modules"),
    *("Errorstats", "Cluster", "Keyspace", "Keysizes"),
]


def test_sections_by_name():
    source = make_source()
    assert titles(render(source)) == DEFAULT
    assert render(source, [b"default"]) == render(source)
    assert titles(render(source, [b"all"])) == [title.title for title in SECTIONS.values() if title.title != "Debug"]
    assert render(source, [b"EVERYTHING"]) == render(source, [b"all"])
    assert titles(render(source, [b"keyspace", b"CLUSTER", b"cluster"])) == ["Cluster", "Keyspace"]
    assert titles(render(source, [b"default", b"commandstats"])) == [*DEFAULT[:9], "Commandstats", *DEFAULT[9:]]
    assert titles(render(source, [b"debug"])) == ["Debug"]
    assert titles(render(source, [b"scriptingengines", b"cluster_info"])) == ["Cluster Info", "Scripting Engines"]


def test_unknown_sections_are_passed_over():
    source = make_source()
    assert render(source, [b"nonsense"]) == ""
    assert render(source, [b"nonsense", b"cluster", b"\xff"]) == "# Cluster\r\ncluster_enabled:0\r\n"


def test_an_empty_line_stands_between_sections():
    text = render(make_source(), [b"cluster", b"modules", b"keyspace"])
    assert text == "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n"


def test_a_section_is_registered_once():
    with pytest.raises(ValueError, match="twice"):
        section("Clients")(lambda _source: ())


def test_server():
    identity = SimpleNamespace(
        started_at=NOW_US // 1_000_000 - 100_000,
        process_id=4711,
        tcp_port=6380,
        listeners=(
            SimpleNamespace(name="tcp", addresses=("127.0.0.1", "-::1"), port=6380),
            SimpleNamespace(name="unix", addresses=("/tmp/r.sock",), port=0),
        ),
    )
    found = fields("server", identity=identity, config=SimpleNamespace(hz=20))
    assert found["redis_version"] == REDIS_VERSION
    assert found["redpoll_version"] == VERSION
    assert found["process_id"] == "4711"
    assert found["server_time_usec"] == str(NOW_US)
    assert (found["uptime_in_seconds"], found["uptime_in_days"]) == ("100000", "1")
    assert (found["hz"], found["configured_hz"]) == ("20", "20")
    assert found["lru_clock"] == str(1_795_392_431 % (LRU_CLOCK_MASK + 1))
    assert found["listener0"] == "name=tcp,bind=127.0.0.1,bind=-::1,port=6380"
    assert found["listener1"] == "name=unix,bind=/tmp/r.sock"
    assert "shutdown_in_milliseconds" not in found
    identity.shutdown_in_milliseconds = 1500
    assert fields("server", identity=identity)["shutdown_in_milliseconds"] == "1500"


def test_memory():
    memory = SimpleNamespace(
        used_memory=2_000_000,
        used_memory_rss=5_000_000,
        used_memory_peak=4_000_000,
        used_memory_overhead=500_000,
        used_memory_startup=400_000,
        used_memory_vm_eval=1024,
        used_memory_vm_functions=1024,
        allocator_active=3_000_000,
        total_system_memory=25_276_502_016,
    )
    found = fields("memory", memory=memory, config=SimpleNamespace(maxmemory=3 << 20, maxmemory_policy="allkeys-lru"))
    assert found["used_memory_human"] == "1.91M"
    assert found["used_memory_peak_perc"] == "50.00%"
    assert found["used_memory_dataset"] == "1500000"
    assert found["used_memory_dataset_perc"] == "93.75%"
    assert found["used_memory_vm_total_human"] == "2.00K"
    assert found["total_system_memory_human"] == "23.54G"
    assert found["maxmemory_human"] == "3.00M"
    assert found["maxmemory_policy"] == "allkeys-lru"
    assert found["mem_fragmentation_ratio"] == "2.50"
    assert found["mem_fragmentation_bytes"] == "3000000"
    assert (found["allocator_frag_ratio"], found["allocator_frag_bytes"]) == ("1.50", "1000000")
    assert (found["allocator_rss_ratio"], found["rss_overhead_ratio"]) == ("1.00", "1.67")


def test_a_peak_is_never_below_what_is_used():
    found = fields("memory", memory=SimpleNamespace(used_memory=10, used_memory_peak=5))
    assert (found["used_memory_peak"], found["used_memory_peak_perc"]) == ("10", "100.00%")


def test_persistence_shows_what_goes_on():
    idle = fields("persistence")
    assert "aof_current_size" not in idle
    assert "loading_start_time" not in idle
    assert fields("persistence", persistence=SimpleNamespace(aof_enabled=True, aof_base_size=88)).items() >= {
        ("aof_enabled", "1"),
        ("aof_base_size", "88"),
        ("aof_delayed_fsync", "0"),
    }
    loading = fields("persistence", persistence=SimpleNamespace(loading=1, loading_loaded_perc=12.3456))
    assert loading["loading_loaded_perc"] == "12.35"


def test_replication_as_master():
    replica = SimpleNamespace(ip="10.0.0.2", port=6379, state="online", offset=14, lag=1)
    assert lines("replication", replication=SimpleNamespace(replicas=[replica]))[:5] == [
        "role:master",
        "connected_slaves:1",
        "slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1",
        "replicas_waiting_psync:0",
        "master_failover_state:no-failover",
    ]
    wanted = fields("replication", config=SimpleNamespace(min_replicas_to_write=1))
    assert wanted["min_slaves_good_slaves"] == "0"


def test_replication_as_replica():
    state = SimpleNamespace(role="slave", master_host="10.0.0.1", master_port=6379)
    down = list(fields("replication", replication=state))
    assert down[:4] == ["role", "master_host", "master_port", "master_link_status"]
    assert "master_link_down_since_seconds" in down
    assert "master_sync_perc" not in down
    state.master_link_status = "up"
    state.master_sync_in_progress = 1
    up = list(fields("replication", replication=state))
    assert "master_link_up_since_seconds" in up
    assert "master_sync_perc" in up


def test_cpu():
    assert lines("cpu")[:2] == ["used_cpu_sys:1.000000", "used_cpu_user:2.000000"]
    assert fields("cpu")["used_cpu_user_main_thread"] == "1.250000"


def test_commandstats():
    commands = {
        "get": make_command("get", calls=3, usec=10, rejected=1, failed=2),
        "set": make_command("set"),
        "config": make_command("config", subcommands=[make_command("config|set", rejected=1)]),
        "debug": make_command(
            "debug", calls=1, usec=5, slowlog_count=2, slowlog_time_ms_sum=5.0, slowlog_time_ms_max=3.5
        ),
    }
    assert lines("commandstats", commands=commands) == [
        "cmdstat_get:calls=3,usec=10,usec_per_call=3.33,rejected_calls=1,failed_calls=2",
        "cmdstat_config|set:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
        (
            "cmdstat_debug:calls=1,usec=5,usec_per_call=5.00,rejected_calls=0,failed_calls=0,"
            "slowlog_count=2,slowlog_time_ms_sum=5.00,slowlog_time_ms_max=3.50"
        ),
    ]


def test_latencystats():
    commands = {"get": make_command("get", calls=1003), "set": make_command("set")}
    assert lines("latencystats", commands=commands) == ["latency_percentiles_usec_get:p50=1.003,p99=1.003,p99.9=1.003"]
    config = SimpleNamespace(latency_tracking_info_percentiles=(100.0,))
    assert lines("latencystats", commands=commands, config=config) == ["latency_percentiles_usec_get:p100=1.003"]
    assert lines("latencystats", commands=commands, config=SimpleNamespace(latency_tracking=False)) == []


def test_errorstats_are_sorted_and_safe():
    assert lines("errorstats", error_counts={"WRONGTYPE": 1, "ERR": 23, "A:B#": 2}) == [
        "errorstat_A_B_:count=2",
        "errorstat_ERR:count=23",
        "errorstat_WRONGTYPE:count=1",
    ]


def make_database(index, keys, **distributions):
    return SimpleNamespace(index=index, keys=keys, expires=1, avg_ttl=99881, subexpiry=0, distributions=distributions)


def test_keyspace_and_keysizes():
    databases = [
        make_database(0, 4, strings_sizes={1024: 2, 0: 1, 1: 7}, lists_items={1 << 21: 1, 2: 0}),
        make_database(1, 0),
        make_database(3, 1, zsets_items={1: 1}),
    ]
    assert lines("keyspace", databases=databases) == [
        "db0:keys=4,expires=1,avg_ttl=99881,subexpiry=0",
        "db3:keys=1,expires=1,avg_ttl=99881,subexpiry=0",
    ]
    assert lines("keysizes", databases=databases) == [
        "db0_distrib_strings_sizes:0=1,1=7,1K=2",
        "db0_distrib_lists_items:2M=1",
        "db3_distrib_zsets_items:1=1",
    ]


def test_lists_of_things():
    module = SimpleNamespace(
        name="json", version=1, api=1, filters=0, used_by=["search"], using=[], options=["handle-io-errors", "x"]
    )
    assert lines("modules", modules=[module]) == [
        "module:name=json,ver=1,api=1,filters=0,usedby=[search],using=[],options=[handle-io-errors|x]"
    ]
    thread = SimpleNamespace(clients=1, reads=149, writes=79)
    assert lines("threads", threads=[thread]) == ["io_thread_0:clients=1,reads=149,writes=79"]
    engine = SimpleNamespace(name="LUA", module="lua", abi_version=4, used_memory=100, memory_overhead=56)
    assert lines("scriptingengines", engines=[engine])[-1] == (
        "engine_0:name=LUA,module=lua,abi_version=4,used_memory=100,memory_overhead=56"
    )
    assert fields("hotkeys", hotkeys=SimpleNamespace(tracking_active=1)) == {
        "tracking_active": "1",
        "used_memory": "0",
        "cpu_time": "0",
    }


def test_values_override_idle_ones():
    found = fields("stats", stats=SimpleNamespace(instantaneous_input_kbps=1.2345, keyspace_hits=7))
    assert (found["instantaneous_input_kbps"], found["keyspace_hits"]) == ("1.23", "7")
    assert fields("clients", clients=SimpleNamespace(connected_clients=3))["connected_clients"] == "3"


def test_numbers_for_people():
    assert [human(size) for size in (0, 1023, 1024, 1536, 1 << 20, 5 << 30, 1 << 40, 1 << 50)] == [
        *("0B", "1023B", "1.00K", "1.50K", "1.00M", "5.00G", "1.00T", "1.00P"),
    ]
    assert [bound(size) for size in (0, 1, 512, 1024, 4096, 1 << 20, 1 << 31)] == [
        *("0", "1", "512", "1K", "4K", "1M", "2G"),
    ]
    assert (percentage(1, 3), percentage(5, 0)) == ("33.33%", "0.00%")
    assert (ratio(3, 2), ratio(3, 0)) == (1.5, 1.0)
    assert safe("a:b\r\n#") == "a_b___"


@pytest.fixture(scope="module", params=["redis82", "valkey91"])
def peer(request):
    """A real server."""
    peers = pytest.importorskip("tests.peers", reason="starts the real servers")
    try:
        target = peers.find(request.param)
    except peers.PeerMissing as missing:
        pytest.skip(str(missing))
    with peers.running(target) as server:
        yield server


def shape(text):
    """The field names of each section, in order, without counters of single commands, errors and threads."""
    sections = {}
    for part in text.split("# ")[1:]:
        title, *rest = part.split("\r\n")
        sections[title.lower()] = [line.partition(":")[0] for line in rest if line]
    return {
        title: names
        for title, names in sections.items()
        if title not in ("commandstats", "latencystats", "errorstats", "modules", "threads", "keysizes")
    }


def test_fields_are_those_of_real_servers(peer):
    with peer.connect() as connection:
        real = shape(connection.call("INFO", "everything").decode())
        assert connection.call("INFO", "nonsense") == b""
        real["debug"] = shape(connection.call("INFO", "debug").decode())["debug"]
    listener = SimpleNamespace(name="tcp", addresses=("127.0.0.1",), port=1)
    engine = SimpleNamespace(name="LUA", module="lua", abi_version=4, used_memory=0, memory_overhead=0)
    source = make_source(identity=SimpleNamespace(listeners=[listener]), engines=[engine])
    own = shape(render(source, [b"everything", b"debug"]))
    assert set(real) - set(own) == set()
    for title, names in real.items():
        assert set(names) - set(own[title]) <= VALKEYS_OWN
        if peer.target.product == "redis":
            assert [name for name in own[title] if name in names] == names


def test_keyspace_is_that_of_real_servers(peer):
    if peer.target.product != "redis":
        pytest.skip("Valkey tells of volatile items in other words")
    sizes = (0, 1, 3, 1000, 1024, 5000, 1 << 20)
    with peer.connect() as connection:
        connection.call("FLUSHALL")
        for size in sizes:
            connection.call("SET", f"key{size}", b"x" * size)
        for index, member in enumerate(("a", "b", "c")):
            connection.call("ZADD", "zset", index, member)
        real = connection.call("INFO", "keyspace", "keysizes").decode()
    counts: dict[int, int] = {}
    for size in sizes:
        power = 1 << (size.bit_length() - 1) if size else 0
        counts[power] = counts.get(power, 0) + 1
    database = make_database(0, 8, strings_sizes=counts, zsets_items={2: 1})
    database.expires = database.avg_ttl = 0
    assert render(make_source(databases=[database]), [b"keyspace", b"keysizes"]) == real
