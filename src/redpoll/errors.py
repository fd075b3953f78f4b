"""Every error reply's text, and the exception that carries one to the client.

Handlers raise `CommandError(errors.SYNTAX)`; the dispatcher turns it into an error
reply. A text begins with its code (`ERR`, `WRONGTYPE` …), which `INFO errorstats` counts.

Texts stand by topic, and within one the plain ones before those that are made of words. No text stands twice.
"""


class CommandError(Exception):
    """An error reply; the argument is the whole text, code included, without line ends."""


# -- Words -----------------------------------------------------------------------------------------------

SYNTAX = "ERR syntax error"
NOT_AN_INTEGER = "ERR value is not an integer or out of range"
NOT_A_FLOAT = "ERR value is not a valid float"
OUT_OF_RANGE = "ERR value is out of range"
NOT_POSITIVE = "ERR value is out of range, must be positive"
INVALID_NUMKEYS = "ERR invalid numkeys value or out of range"
NUMKEYS_ABOVE_ZERO = "ERR numkeys should be greater than 0"
COUNT_ABOVE_ZERO = "ERR count should be greater than 0"
TOO_MANY_KEYS = "ERR Number of keys can't be greater than number of args"


def wrong_arity(name: str) -> str:
    """The text for a wrong number of words; `name` is lower case, `container|sub` for a subcommand."""
    return f"ERR wrong number of arguments for '{name}' command"


def subcommand_arity(container: str, word: str) -> str:
    """The text for a subcommand that is not there or got words it cannot take; both as the user sent or knows them."""
    return f"ERR unknown subcommand or wrong number of arguments for '{word[:128]}'. Try {container.upper()} HELP."


def not_in_range(what: str) -> str:
    """The text for something that is no integer."""
    return f"ERR {what} is not an integer or out of range"


def not_positive(what: str) -> str:
    """The text for something that has to be above zero."""
    return f"ERR {what} should be greater than 0"


def must_be_positive(name: str) -> str:
    """The text for an option that has to be above zero."""
    return f"ERR {name} must be a positive integer"


def out_of_bounds(least: int, most: int) -> str:
    """The text for an integer beyond what a command takes."""
    return f"ERR value is out of range, value must between {least} and {most}"


def needs_input_key(command: str) -> str:
    """The text for a number of keys below one; `command` is lower case."""
    return f"ERR at least 1 input key is needed for '{command}' command"


# -- Keys, databases and expiry --------------------------------------------------------------------------

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
NO_SUCH_KEY = "ERR no such key"
SAME_OBJECT = "ERR source and destination objects are the same"
INDEX_OUT_OF_RANGE = "ERR index out of range"
DB_INDEX = "ERR DB index is out of range"
INVALID_FIRST_DB = "ERR invalid first DB index"
INVALID_SECOND_DB = "ERR invalid second DB index"
INVALID_CURSOR = "ERR invalid cursor"
UNKNOWN_TYPE = "ERR unknown type name"
NO_LFU = (
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    "between policies at runtime LRU and LFU data will take some time to adjust."
)
NO_IDLE_TIME = (
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between "
    "policies at runtime LRU and LFU data will take some time to adjust."
)
EXPIRE_NX_WITH_OTHERS = "ERR NX and XX, GT or LT options at the same time are not compatible"
EXPIRE_GT_WITH_LT = "ERR GT and LT options at the same time are not compatible"
NEGATIVE_EXPIRE_TIME = "ERR invalid expire time, must be >= 0"
SORT_SCORES = "ERR One or more scores can't be converted into double"


def invalid_expire_time(command: str) -> str:
    """The text for a time that cannot be; `command` is lower case."""
    return f"ERR invalid expire time in '{command}' command"


def unsupported_option(word: str) -> str:
    """The text for a word that EXPIRE does not know."""
    return f"ERR Unsupported option {word}"


# -- DUMP and RESTORE ------------------------------------------------------------------------------------

BUSY_KEY = "BUSYKEY Target key name already exists."
BAD_PAYLOAD = "ERR DUMP payload version or checksum are wrong"
BAD_DATA = "ERR Bad data format"
NEGATIVE_TTL = "ERR Invalid TTL value, must be >= 0"
NEGATIVE_IDLE_TIME = "ERR Invalid IDLETIME value, must be >= 0"
BAD_FREQUENCY = "ERR Invalid FREQ value, must be >= 0 and <= 255"


# -- Strings ---------------------------------------------------------------------------------------------

OVERFLOW = "ERR increment or decrement would overflow"
DECREMENT_OVERFLOW = "ERR decrement would overflow"
NOT_FINITE = "ERR increment would produce NaN or Infinity"
NAN_OR_INFINITY = "ERR value is NaN or Infinity"
STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
OFFSET_OUT_OF_RANGE = "ERR offset is out of range"
UNEVEN_PAIRS = "ERR wrong number of key-value pairs"
NOTHING_TO_EXPIRE = "ERR ENX flag requires an expiration"


# -- INCREX ----------------------------------------------------------------------------------------------

NOT_AN_INTEGER_INCREMENT = "ERR Increment is not an integer or out of range"
NOT_A_FLOAT_INCREMENT = "ERR Increment is not a valid float"
INFINITE_INCREMENT = "ERR BYFLOAT increment cannot be Infinity"
INFINITE_VALUE = "ERR value cannot be Infinity"
APPLIED_OVERFLOW = "ERR applied increment would overflow"
APPLIED_INFINITY = "ERR applied increment would be Infinity"
BOUNDS_CROSS = "ERR LBOUND can't be greater than UBOUND"


def bad_bound(name: str, by_float: bool) -> str:
    """The text for an LBOUND or UBOUND that is no number of the kind that is asked for."""
    return f"ERR {name} is not a valid float" if by_float else not_in_range(name)


# -- DELEX, LCS ------------------------------------------------------------------------------------------

BAD_DIGEST = "ERR must be exactly 16 hexadecimal characters"
DELEX_TYPE = "ERR Key should be of string type if conditions are specified"
DELEX_CONDITION = "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"
LCS_TYPES = "ERR The specified keys must contain string values"
LCS_LEN_AND_IDX = "ERR If you want both the length and indexes, please just use IDX."
LCS_TOO_LONG = "ERR String too long for LCS"
LCS_NO_MEMORY = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"


# -- Bits ------------------------------------------------------------------------------------------------

BAD_BIT_OFFSET = "ERR bit offset is not an integer or out of range"
NOT_A_BIT = "ERR bit is not an integer or out of range"
NOT_BIT_ARGUMENT = "ERR The bit argument must be 1 or 0."
BITOP_NOT_ONE = "ERR BITOP NOT must be called with a single source key."
BAD_FIELD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
BAD_OVERFLOW_TYPE = "ERR Invalid OVERFLOW type specified"
BITFIELD_RO_GET = "ERR BITFIELD_RO only supports the GET subcommand"


def bitop_needs_two(operation: str) -> str:
    """The text for an operation that compares the first string with others, when there are none."""
    return f"ERR BITOP {operation} must be called with at least two source keys."


# -- HyperLogLogs ----------------------------------------------------------------------------------------

NOT_A_HYPERLOGLOG = "WRONGTYPE Key is not a valid HyperLogLog string value."
DAMAGED_HYPERLOGLOG = "INVALIDOBJ Corrupted HLL object detected"
NOT_SPARSE = "ERR HLL encoding is not sparse"
NO_SPECIFIED_KEY = "ERR The specified key does not exist"
SIMD_SWITCH = "ERR Argument must be ON or OFF"


def unknown_pfdebug(word: str) -> str:
    """The text for a subcommand of PFDEBUG that there is not."""
    return f"ERR Unknown PFDEBUG subcommand '{word}'"


def failed_self_test(what: str) -> str:
    """The text of PFSELFTEST when something is wrong."""
    return f"ERR TESTFAILED {what}"


# -- Lists -----------------------------------------------------------------------------------------------

RANK_ZERO = (
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start "
    "from the end of the list"
)
COUNT_RANGE = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
NEGATIVE_COUNT = "ERR COUNT can't be negative"
NEGATIVE_MAXLEN = "ERR MAXLEN can't be negative"


# -- Sets ------------------------------------------------------------------------------------------------

NEGATIVE_LIMIT = "ERR LIMIT can't be negative"


# -- Hashes ----------------------------------------------------------------------------------------------

HASH_VALUE_NOT_AN_INTEGER = "ERR hash value is not an integer"
HASH_VALUE_NOT_A_FLOAT = "ERR hash value is not a float"
FIELDS_MISSING = "ERR Mandatory argument FIELDS is missing or not at the right position"
NUMFIELDS_MISMATCH = "ERR The `numfields` parameter must match the number of arguments"
NUMFIELDS_PARAMETER = "ERR Parameter `numFields` should be greater than 0"
NUMFIELDS_NOT_POSITIVE = "ERR Number of fields must be a positive integer"
NUMFIELDS_INVALID = "ERR invalid number of fields"
ONE_FIELD_CONDITION = "ERR Only one of FXX or FNX arguments can be specified"
ONE_KEY_CONDITION = "ERR Only one of XX or NX arguments can be specified"
ONE_FIELD_EXPIRY = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
NO_FIELDSET = "ERR no such fieldset"
DUPLICATE_FIELD = "ERR duplicate field name in fieldset"
FIELDSET_VALUES = "ERR value count does not match fieldset field count"
NOVALUES_ELSEWHERE = "ERR NOVALUES option can only be used in HSCAN"


def unknown_argument(word: str) -> str:
    """The text for a word that HSETEX does not know."""
    return f"ERR unknown argument: {word}"


# -- Sorted sets -----------------------------------------------------------------------------------------

ZADD_XX_AND_NX = "ERR XX and NX options at the same time are not compatible"
ZADD_GT_LT_NX = "ERR GT, LT, and/or NX options at the same time are not compatible"
ZADD_INCR_PAIRS = "ERR INCR option supports a single increment-element pair"
SCORE_NOT_A_NUMBER = "ERR resulting score is not a number (NaN)"
RANGE_NOT_A_FLOAT = "ERR min or max is not a float"
RANGE_NOT_A_TEXT = "ERR min or max not valid string range item"
LIMIT_BY_RANK = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
SCORES_BY_LEX = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
WEIGHT_NOT_A_FLOAT = "ERR weight value is not a float"


# -- Places ----------------------------------------------------------------------------------------------

GEO_UNIT = "ERR unsupported unit provided. please use M, KM, FT, MI"
GEO_RADIUS = "ERR need numeric radius"
GEO_NEGATIVE_RADIUS = "ERR radius cannot be negative"
GEO_WIDTH = "ERR need numeric width"
GEO_HEIGHT = "ERR need numeric height"
GEO_NEGATIVE_BOX = "ERR height or width cannot be negative"
GEO_ANY_WITHOUT_COUNT = "ERR the ANY argument requires COUNT argument"
GEO_MEMBER = "ERR could not decode requested zset member"
GEO_VERTEX_COUNT = "ERR invalid number of vertices"
GEO_FEW_VERTICES = "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"


def invalid_place(longitude: float, latitude: float) -> str:
    """The text for degrees that no place has."""
    return f"ERR invalid longitude,latitude pair {longitude:.6f},{latitude:.6f}"


def geo_store_with(command: str) -> str:
    """The text for options that tell of places, when nothing is told; `command` is what stores."""
    return f"ERR {command} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"


def geo_from(command: str) -> str:
    """The text for a search from nowhere or from two places."""
    return f"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {command}"


def geo_by(command: str) -> str:
    """The text for a search without a shape: Redis's, which has no polygons."""
    return f"ERR exactly one of BYRADIUS and BYBOX can be specified for {command}"


# -- Streams: IDs, entries, trimming ---------------------------------------------------------------------

BAD_STREAM_ID = "ERR Invalid stream ID specified as stream command argument"
BAD_RANGE_START = "ERR invalid start ID for the interval"
BAD_RANGE_END = "ERR invalid end ID for the interval"
ID_TOO_SMALL = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
ID_ZERO = "ERR The ID specified in XADD must be greater than 0-0"
STREAM_EXHAUSTED = "ERR The stream has exhausted the last possible ID, unable to add more items"
ENTRY_TOO_LARGE = "ERR Elements are too large to be stored"
TWO_TRIMMINGS = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
MAXLEN_NEGATIVE = "ERR The MAXLEN argument must be >= 0."
LIMIT_NEGATIVE = "ERR The LIMIT argument must be >= 0."
LIMIT_WITHOUT_TRIMMING = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
LIMIT_WITHOUT_ROUGHLY = "ERR syntax error, LIMIT cannot be used without the special ~ option"
NO_TRIMMING = "ERR syntax error, XTRIM must be called with a trimming strategy"
NUMIDS_NOT_POSITIVE = "ERR Number of IDs must be a positive integer"
NUMIDS_MISMATCH = "ERR The `numids` parameter must match the number of arguments"
ENTRIES_ADDED_NEGATIVE = "ERR entries_added must be positive"
ENTRIES_ADDED_BELOW_LENGTH = "ERR The entries_added specified in XSETID is smaller than the target stream length"
SETID_BELOW_GIVEN_DELETED = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
SETID_BELOW_DELETED = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
SETID_BELOW_LAST = "ERR The ID specified in XSETID is smaller than the target stream top item"


# -- Streams: producers ----------------------------------------------------------------------------------

TWO_PRODUCERS = "ERR IDMP/IDMPAUTO specified multiple times"
IDMP_WITH_ID = "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs"
IDMP_NO_PRODUCER = "ERR IDMP requires a non-empty producer ID"
IDMP_NO_ID = "ERR IDMP requires a non-empty idempotent ID"
IDMPAUTO_NO_PRODUCER = "ERR IDMPAUTO requires a non-empty producer ID"
IDMP_NO_ENTRY = "ERR The specified stream ID was deleted or doesn't exist"
IDMP_OTHER_ENTRY = "ERR The specified IDMP producer-id/idempotent-id pair maps to a different stream ID"
IDMP_DURATION_RANGE = "ERR IDMP-DURATION must be between 1 and 86400 seconds"
IDMP_MAXSIZE_RANGE = "ERR IDMP-MAXSIZE must be between 1 and 10000 entries"
XCFGSET_NOTHING = "ERR At least one parameter must be specified"


# -- Streams: groups -------------------------------------------------------------------------------------

MISSING_GROUP = "ERR Missing GROUP option for XREADGROUP"
DOLLAR_IN_GROUP = (
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
)
PLUS_IN_GROUP = (
    "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set."
)
NEW_WITHOUT_GROUP = (
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
)
MIN_IDLE_NOT_AN_INTEGER = "ERR min-idle-time is not an integer or out of range"
MIN_IDLE_NEGATIVE = "ERR min-idle-time must be a positive integer"
MAXCOUNT_BELOW_COUNT = "ERR MAXCOUNT must be greater than or equal to COUNT"
COUNT_NOT_POSITIVE = "ERR COUNT must be > 0"
XGROUP_NO_KEY = (
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
    "option to create an empty stream automatically."
)
BUSY_GROUP = "BUSYGROUP Consumer Group name already exists"
ENTRIES_READ_RANGE = "ERR value for ENTRIESREAD must be positive or -1"
XNACK_MODE = "ERR mode must be SILENT, FAIL, or FATAL"
XNACK_NO_IDS = "ERR syntax error, expected IDS keyword"
XNACK_NUMIDS = "ERR numids must be a positive integer"
XNACK_NUMIDS_MISMATCH = "ERR number of IDs doesn't match numids"
XNACK_RETRYCOUNT = "ERR Invalid RETRYCOUNT value, must be >= 0"


def only_xreadgroup(option: str) -> str:
    """The text for an option of XREADGROUP that XREAD was given."""
    return f"ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."


def unbalanced(command: str) -> str:
    """The text for streams that do not all have an ID."""
    signs = "'+', or '$'" if command == "xread" else "or '>'"
    comma = "," if command == "xread" else ""
    return f"ERR Unbalanced '{command}' list of streams: for each stream key an ID{comma} {signs} must be specified."


def no_group(group: str, key: str) -> str:
    """The text for a group that a stream does not have."""
    return f"NOGROUP No such consumer group '{group}' for key name '{key}'"


def no_key_or_consumer_group(key: str, group: str) -> str:
    """The text for a missing key, or one without that group."""
    return f"NOGROUP No such key '{key}' or consumer group '{group}'"


def no_key_or_group(key: str, group: str) -> str:
    """The same for XREADGROUP."""
    return f"NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"


def bad_claim(what: str, command: str) -> str:
    """The text for a number of XCLAIM or XAUTOCLAIM that is none."""
    return f"ERR Invalid {what} for {command}"


def unrecognized_stream_option(command: str, word: str) -> str:
    """The text for a word that XCLAIM or XNACK does not know."""
    return f"ERR Unrecognized {command} option '{word}'"


# -- Arrays ----------------------------------------------------------------------------------------------

ARRAY_INDEX = "ERR invalid array index"
ARRAY_INDEX_OVERFLOW = "ERR array index overflow"
ARRAY_INSERT_OVERFLOW = "ERR insert index overflow"
ARRAY_RANGE = "ERR range exceeds maximum of 1000000 items"
ARRAY_SIZE = "ERR invalid size"
ARRAY_SIZE_NOT_POSITIVE = "ERR size must be positive"
ARRAY_COUNT = "ERR invalid COUNT"
ARRAY_LIMIT = "ERR LIMIT must be positive"
ARRAY_OPERATION = "ERR unknown operation"
ARRAY_MATCH = "ERR MATCH requires a value argument"
ARRAY_PREDICATES = "ERR too many predicates, maximum is 250"
EXPRESSION_EMPTY = "ERR regular expression is empty"
EXPRESSION_TOO_LONG = "ERR regular expression is too long, maximum is 2048 bytes"
EXPRESSION_REFERENCE = "ERR regular expression backreferences are not supported"


def bad_expression(problem: str) -> str:
    """The text for a regular expression that is none."""
    return f"ERR invalid regular expression: {problem}"


# -- Connections -----------------------------------------------------------------------------------------

NO_PROTO = "NOPROTO unsupported protocol version"
NO_SUCH_CLIENT = "ERR No such client"
CLIENT_ID_RANGE = "ERR client-id should be greater than 0"
INVALID_CLIENT_ID = "ERR Invalid client ID"
CLIENT_DB_RANGE = "ERR DB number should be between 0 and 15"
BAD_CLIENT_NAME = "ERR Client names cannot contain spaces, newlines or special characters."
IMPORT_SOURCE_OUTSIDE = "ERR Server is not in import mode"
PAUSE_MODE = "ERR CLIENT PAUSE mode must be WRITE or ALL"


def hello_syntax(word: str) -> str:
    """The text for an option that HELLO does not know."""
    return f"ERR Syntax error in HELLO option '{word}'"


def bad_client_info(attribute: str) -> str:
    """The text for a library name or version that would break CLIENT LIST's lines."""
    return f"ERR {attribute} cannot contain spaces, newlines or special characters."


def unrecognized_option(word: str) -> str:
    """The text for an attribute that CLIENT SETINFO does not know."""
    return f"ERR Unrecognized option '{word}'"


def unknown_client_type(word: str) -> str:
    """The text for a type of clients that there is not."""
    return f"ERR Unknown client type '{word}'"


def unknown_client_flag(letter: str) -> str:
    """The text for a flag letter that there is not."""
    return f"ERR Unknown flags found in the provided filter: {letter}"


def unknown_capability(word: str) -> str:
    """The text for a capability that there is not."""
    return f"ERR Unknown capability: {word}"


def no_such_user(name: str) -> str:
    """The text for a user that there is not."""
    return f"ERR No such user '{name}'"


# -- Waiting ---------------------------------------------------------------------------------------------

TIMEOUT_NOT_A_FLOAT = "ERR timeout is not a float or out of range"
TIMEOUT_NOT_AN_INTEGER = "ERR timeout is not an integer or out of range"
NEGATIVE_TIMEOUT = "ERR timeout is negative"
TIMEOUT_RANGE = "ERR timeout is out of range"
UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
UNBLOCK_REASON = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"


def no_blocking_client(name: str) -> str:
    """The text for a command of a client that must not wait."""
    return f"ERR {name} isn't allowed for a DENY BLOCKING client"


# -- Client-side caching ---------------------------------------------------------------------------------

CACHING_WITHOUT_TRACKING = (
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
)
CACHING_YES = "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
CACHING_NO = "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
TRACKING_MODE = (
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a "
    "different mode."
)
TRACKING_OPT_MODE = (
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a "
    "different mode."
)
TRACKING_OPT_BOTH = "ERR You can't specify both OPTIN mode and OPTOUT mode"
TRACKING_OPT_BCAST = "ERR OPTIN and OPTOUT are not compatible with BCAST"
PREFIX_WITHOUT_BCAST = "ERR PREFIX option requires BCAST mode to be enabled"
NO_REDIRECT_CLIENT = "ERR The client ID you want redirect to does not exist"
ONE_REDIRECT = "ERR A client can only redirect to a single other client"


def prefix_overlap(prefix: bytes, other: bytes, which: str) -> str:
    """The text for two prefixes of one client of which one begins like the other."""
    one, two = prefix.decode("latin-1"), other.decode("latin-1")
    return f"ERR Prefix '{one}' overlaps with {which} prefix '{two}'. Prefixes for a single client must not overlap."


# -- Transactions, Pub/Sub -------------------------------------------------------------------------------

EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors."
EXEC_WITHOUT_MULTI = "ERR EXEC without MULTI"
DISCARD_WITHOUT_MULTI = "ERR DISCARD without MULTI"
NESTED_MULTI = "ERR MULTI calls can not be nested"
WATCH_INSIDE_MULTI = "ERR WATCH inside MULTI is not allowed"
NOT_IN_MULTI = "ERR Command not allowed inside a transaction"


def aborted_because(text: str) -> str:
    """The text of an EXEC that is itself refused; `text` says why, with its code."""
    return f"EXECABORT Transaction discarded because of: {text.removeprefix('ERR ')}"


def only_for_subscribers(name: str) -> str:
    """The text for a command that may not run while its client is subscribed in RESP2."""
    return (
        f"ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
        "in this context"
    )


# -- Access: logging in ----------------------------------------------------------------------------------

NO_AUTH = "NOAUTH Authentication required."
WRONG_PASS = "WRONGPASS invalid username-password pair or user is disabled."
AUTH_WITHOUT_PASSWORD = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
HELLO_WITHOUT_AUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
    "option can be used to authenticate the client and select the RESP protocol version at the same time"
)
TOO_MANY_GUESSES = "ERR too many failed logins from your address, try again later"


# -- Access: users and what they may do ------------------------------------------------------------------

KEY_DENIED = "No permissions to access a key"
CHANNEL_DENIED = "No permissions to access a channel"
DATABASE_DENIED = "No permissions to access database"
SORT_BY_DENIED = "ERR BY option of SORT denied due to insufficient ACL permissions."
SORT_GET_DENIED = "ERR GET option of SORT denied due to insufficient ACL permissions."
DEFAULT_USER_STAYS = "ERR The 'default' user cannot be removed"
GENPASS_BITS = (
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"
)
NO_ACL_FILE = (
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
    "users in the Redis configuration."
)
ACL_NOT_SAVED = "ERR There was an error trying to save the ACLs. Please check the server logs for more information"


def command_denied(user: str, command: str) -> str:
    """The text, without a code, for a command that a user may not run."""
    return f"User {user} has no permissions to run the '{command}' command"


def object_denied(user: str, what: str, name: str) -> str:
    """The same for a key or a channel, where its name may be told."""
    return f"User {user} has no permissions to access the '{name}' {what}"


def database_denied(user: str, name: str) -> str:
    """The same for a database, or for a command that works on the one selected."""
    return f"User {user} has no permissions to access database {name}"


def denied_in_script(text: str) -> str:
    """What a script's command is told that its user may not run, for this reason."""
    return f"ERR ACL failure in script: {text}"


def rules_changed(reason: str) -> str:
    """The text within EXEC's reply for a command that its user may not run any more."""
    return (
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
        f"This command is no longer allowed for the following reason: {reason}"
    )


def bad_acl_rule(rule: str, reason: str) -> str:
    """The text for a rule that ACL SETUSER does not take."""
    return f"ERR Error in ACL SETUSER modifier '{rule}': {reason}"


def unknown_category(name: str) -> str:
    """The text for a category that there is not."""
    return f"ERR Unknown category '{name[:128]}'"


def user_not_found(name: str) -> str:
    """The text of ACL DRYRUN for a user that there is not."""
    return f"ERR User '{name}' not found"


def command_not_found(name: str) -> str:
    """The text of ACL DRYRUN for a command that there is not."""
    return f"ERR Command '{name}' not found"


# -- Scripts ---------------------------------------------------------------------------------------------

NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL."
NO_SCRIPT_TO_SHOW = "NOSCRIPT No matching script."
NEGATIVE_KEYS = "ERR Number of keys can't be negative"
BAD_SHEBANG = "ERR Invalid script shebang"
BAD_SHEBANG_ENGINE = "ERR Invalid engine in script shebang"
NO_SCRIPT_RUNS = "NOTBUSY No scripts in execution right now."
UNKILLABLE = (
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script "
    "termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
)
BUSY_SCRIPT = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
SCRIPT_FLUSH_OPTION = "ERR SCRIPT FLUSH only support SYNC|ASYNC option"
SCRIPT_DEBUG_OPTION = "ERR Use SCRIPT DEBUG YES/SYNC/NO"
SCRIPT_UNKNOWN_COMMAND = "ERR Unknown Redis command called from script"
SCRIPT_WRONG_ARITY = "ERR Wrong number of args calling Redis command from script"
SCRIPT_NOT_ALLOWED = "ERR This Redis command is not allowed from script"
SCRIPT_ONLY_READS = "ERR Write commands are not allowed from read-only scripts."
SCRIPT_WRITES_IN_RO = "ERR Can not execute a script with write flag using *_ro command."
SCRIPT_NO_CLUSTER = "ERR Can not run script on cluster, 'no-cluster' flag is set."
SCRIPT_KILLED = "ERR Script killed by user with SCRIPT KILL..."
SCRIPT_STOPPED = "ERR Script stopped: the server shuts down."


def unexpected_engine(word: str) -> str:
    """The text for a script of another language; `word` is as it was written."""
    return f"ERR Unexpected engine in script shebang: {word}"


def unknown_shebang_option(word: str) -> str:
    """The text for a word of a script's first line that means nothing."""
    return f"ERR Unknown lua shebang option: {word}"


def unexpected_script_flag(flag: str) -> str:
    """The text for a flag that scripts do not have."""
    return f"ERR Unexpected flag in script shebang: {flag}"


def cannot_compile(message: str) -> str:
    """The text for a script that Lua does not understand, which says why."""
    return f"ERR Error compiling script (new function): {message}"


# -- The debugger of scripts -----------------------------------------------------------------------------

SCRIPT_DEBUG_PIPELINED = "ERR SCRIPT DEBUG must be called outside a pipeline"
SCRIPT_DEBUG_IN_STORE = "ERR SCRIPT DEBUG needs a server of its own; this store lives in a program"
EVALSHA_IN_DEBUGGER = "ERR Please use EVAL instead of EVALSHA for debugging"
DEBUGGER_IN_TRANSACTION = "ERR Scripts cannot be debugged in a transaction"
DEBUGGER_PROTOCOL = "ERR protocol error"
DEBUGGER_REQUEST_LENGTH = "ERR max client buffer reached"
DEBUGGER_ABORTED = "ERR script aborted for user request"
DEBUGGER_CLIENT_GONE = "ERR timeout during Lua debugging with client closing connection"


def debugger_cannot_fork(reason: str) -> str:
    """The text for a script that is to be debugged in a process of its own, which cannot be made."""
    return f"ERR Fork() failed: can't run EVAL in debugging mode: {reason}"


# -- Functions -------------------------------------------------------------------------------------------

LIBRARY_WITHOUT_HEADER = "ERR Missing library metadata"
BAD_LIBRARY_HEADER = "ERR Invalid library metadata"
LIBRARY_WITHOUT_NAME = "ERR Library name was not given"
LIBRARY_NAMED_TWICE = "ERR Invalid metadata value, name argument was given multiple times"
BAD_FUNCTION_NAME = (
    "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
)
NO_FUNCTIONS = "ERR No functions registered"
NO_SUCH_FUNCTION = "ERR Function not found"
NO_SUCH_LIBRARY = "ERR Library not found"
BAD_KEY_COUNT = "ERR Bad number of keys provided"
BUSY_FUNCTION = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
FUNCTION_FLUSH_OPTION = "ERR FUNCTION FLUSH only supports SYNC|ASYNC option"
RESTORE_POLICY = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
NO_LIBRARY_NAME = "ERR library name argument was not given"
NOT_A_FUNCTION = "ERR given type is not a function"
BROKEN_LIBRARY = "ERR Failed loading library data"


def bad_library_option(word: str) -> str:
    """The text for a word of a library's first line that means nothing."""
    return f"ERR Invalid metadata value given: {word}"


def unknown_engine(name: str) -> str:
    """The text for a library of another language."""
    return f"ERR Engine '{name}' not found"


def library_exists_quoted(name: str) -> str:
    """The text for a library that is loaded a second time."""
    return f"ERR Library '{name}' already exists"


def library_exists(name: str) -> str:
    """The text for a library that is restored though there is one of its name."""
    return f"ERR Library {name} already exists"


def function_exists(name: str) -> str:
    """The text for a function whose name another library has."""
    return f"ERR Function {name} already exists"


def cannot_compile_function(message: str) -> str:
    """The text for a library that Lua does not understand, which says why."""
    return f"ERR Error compiling function: {message}"


def cannot_register(text: str) -> str:
    """The text for a library that failed as it was loaded; `text` is the error, code included."""
    return f"ERR Error registering functions: {text}"


def unknown_load_option(word: str) -> str:
    """The text for a word of FUNCTION LOAD that means nothing."""
    return f"ERR Unknown option given: {word}"


def unknown_list_argument(word: str) -> str:
    """The text for a word of FUNCTION LIST that means nothing."""
    return f"ERR Unknown argument {word}"


# -- Memory and loading ----------------------------------------------------------------------------------

OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'."
NO_MEMORY = "OOM out of memory"
LOADING = "LOADING Redis is loading the dataset in memory"


# -- Saving and the log ----------------------------------------------------------------------------------

OTHER_SAVE_ACTIVE = (
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a "
    "BGSAVE whenever possible."
)
NOTHING_TO_CANCEL = "ERR Background saving is currently not in progress or scheduled"
SAVE_IN_PROGRESS = "ERR Background save already in progress"
SAVE_FAILED = "ERR"
CANNOT_SAVE = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    "Commands that may modify the data set are disabled, because this instance is configured to report errors "
    "during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). "
    "Please check the Redis logs for details about the RDB error."
)
REWRITE_ACTIVE = "ERR Background append only file rewriting already in progress"
REWRITE_FAILED = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
WAITAOF_WITHOUT_LOG = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
LOAD_LOG_FAILED = "ERR Error trying to load the AOF files, check server logs."
NO_SHUTDOWN = "ERR No shutdown in progress."
SHUTDOWN_FAILED = "ERR Errors trying to SHUTDOWN. Check logs."


def cannot_log(reason: str) -> str:
    """The text for a write while the append-only log cannot be written."""
    return f"MISCONF Errors writing to the AOF file: {reason}"


# -- BACKUP ----------------------------------------------------------------------------------------------

BACKUP_NOT_INCREMENTING = "ERR There is no backup to seal: it has to be in the incrementing state"
BACKUP_NOTHING_TO_ABORT = "ERR No backup is in progress"
BACKUP_NOTHING_TO_CLEAN = "ERR There is no sealed or failed backup to clean up"
BACKUP_LOG_NOT_READY = "ERR The AOF is being switched on, a backup can begin once its first rewrite is done"


def backup_in_progress(state: str) -> str:
    """The text for BACKUP START while there is a backup."""
    return f"ERR A backup already exists, it is {state}"


def backup_directory(path: str, why: str) -> str:
    """The text for BACKUP START where the files cannot go."""
    return f"ERR The backup directory '{path}' cannot be used: {why}"


def backup_failed(why: str) -> str:
    """The text for BACKUP SEAL when it could not be done."""
    return f"ERR The backup failed: {why}"


# -- COMMAND ---------------------------------------------------------------------------------------------

NO_SUCH_COMMAND = "ERR Invalid command specified"
NO_KEY_ARGUMENTS = "ERR The command has no key arguments"
INVALID_ARGUMENT_COUNT = "ERR Invalid number of arguments specified for command"
INVALID_ARGUMENTS = "ERR Invalid arguments specified for command"


# -- Diagnostics -----------------------------------------------------------------------------------------

LOG_COUNT = "ERR count should be greater than or equal to -1"
LOG_TYPE = "ERR type should be one of the following: slow, large-request, large-reply"
HOTKEYS_STARTED = "ERR hotkey tracking session already in progress"
HOTKEYS_NOT_STARTED = "ERR no hotkey tracking session in progress"
HOTKEYS_GOING_ON = "ERR hotkey tracking session in progress, stop tracking first"
HOTKEYS_NO_METRICS = "ERR METRICS parameter is required"
HOTKEYS_METRICS_COUNT = "ERR METRICS count must be > 0 and <= 2"
HOTKEYS_METRICS_MISMATCH = "ERR METRICS count does not match number of metric types provided"
HOTKEYS_UNKNOWN_METRICS = "ERR METRICS no valid metrics passed. Supported: CPU|NET"
HOTKEYS_COUNT = "ERR COUNT must be between 1 and 64"
HOTKEYS_DURATION = "ERR DURATION must be between 0 and 1000000000"
HOTKEYS_SAMPLE = "ERR SAMPLE ratio must be positive"
HOTKEYS_SLOTS = "ERR SLOTS parameter cannot be used in non-cluster mode"


def no_samples(event: str) -> str:
    """The text of `LATENCY GRAPH` for an event that never spiked."""
    return f"ERR No samples available for event '{event}'"


def metric_twice(name: str) -> str:
    """The text for a metric that HOTKEYS START is told more than once."""
    return f"ERR METRICS {name} defined more than once!"


# -- DEBUG -----------------------------------------------------------------------------------------------

DEBUG_NOT_ALLOWED = (
    'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", '
    "you can run it from a local connection, otherwise you need to set this option in the configuration file, "
    "and then restart the server."
)
RELOAD_OPTIONS = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
RELOAD_FAILED = "ERR Error trying to load the RDB dump, check server logs"
NOT_A_TABLE = "ERR The value stored at the specified key is not represented using an hash table"
NOT_A_LISTPACK = "ERR Not a listpack encoded object."
NOT_A_QUICKLIST = "ERR Not a quicklist encoded object."
PACKED_THRESHOLD = "ERR argument must be a memory value bigger than 1 and smaller than 4gb"
