"""A user's rules, compiled to what dispatch asks before each command of a connection that is not free to do all.

A selector has a bit for each command, and its key and channel patterns sorted by what it takes to compare them. Where
a command's keys are is worked out once (`Plan`), from its declaration:

    SPANS      at places that the number of words tells, and what is done to them is always the same
    SURE       at such places, but what is done depends on other words: who may read and write need not look
    SEARCHED   elsewhere: the declaration finds them in the words (`get_keys`), which takes Python

So nothing of this makes a Python object for common commands.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport abort, calloc, free, realloc
from libc.string cimport memcmp, memset
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from redpoll.engine.glob cimport glob_match, is_literal
from redpoll.wire.request cimport Arg

from redpoll.commands.declare import get_keys
from redpoll.commands.flags import NO_AUTH
from redpoll.errors import CommandError
from redpoll.security.databases import EVERY, reached
from redpoll.security.rules import READ, WRITE

cdef enum:
    SPANS_MOST = 4
    MAY_READ = 1
    MAY_WRITE = 2
    MAY_BOTH = 3

cdef enum Way:
    WAY_UNKNOWN
    WAY_NONE
    WAY_SPANS
    WAY_SURE
    WAY_SEARCHED

cdef enum Channels:
    CHANNELS_NONE
    CHANNELS_FIRST           # the first word behind the name
    CHANNELS_ALL             # all of them
    CHANNELS_PATTERNS        # they are patterns

cdef struct Span:
    int first
    int last                 # from `first` on, or from the end if below zero
    int step
    int limit                # above 1: only one in so many of the words
    uint8_t needs

cdef struct Plan:
    Way way
    Channels channels
    uint8_t needs_at_least   # SURE: what is needed with as few words as there can be
    int fewest               # that number of words
    int span_count
    Span spans[SPANS_MOST]

# By the number of the command.
cdef Plan* plans = NULL
cdef size_t plans_room = 0

assert (READ, WRITE) == (MAY_READ, MAY_WRITE)


cdef uint8_t needs_of(flags) except 255:
    """What one has to be allowed for a key of these flags."""
    cdef uint8_t needs = 0
    if "access" in flags:
        needs |= MAY_READ
    if "update" in flags or "insert" in flags or "delete" in flags:
        needs |= MAY_WRITE
    return needs


cdef int plan_keys(Plan* plan, command) except -1:
    cdef Span* span
    cdef list specs = [spec for spec in command.key_specs if "not_key" not in spec.flags]
    if not specs:
        plan.way = WAY_NONE
        return 0
    plan.way = WAY_SEARCHED
    if len(specs) > SPANS_MOST or not all(spec.plain and "incomplete" not in spec.flags for spec in specs):
        return 0
    plan.span_count = len(specs)
    for i, spec in enumerate(specs):
        span = &plan.spans[i]
        span.first = spec.begin[1]
        span.last, span.step, span.limit = spec.find[1:]
        span.needs = needs_of(spec.flags)
    if command.find_keys is None:
        plan.way = WAY_SPANS
        return 0
    plan.way = WAY_SURE
    plan.fewest = -command.arity if command.arity < 0 else command.arity
    plan.needs_at_least = MAY_BOTH
    places = command.find_keys([b""] * plan.fewest)
    if len(places) == 1 and plan.span_count == 1 and places[0][0] == plan.spans[0].first:
        plan.needs_at_least = needs_of(places[0][1])
    else:
        plan.fewest = 0
    return 0


cdef int make_plan(Plan* plan, command) except -1:
    plan.channels = {"": CHANNELS_NONE, "first": CHANNELS_FIRST, "all": CHANNELS_ALL,
                     "patterns": CHANNELS_PATTERNS}[command.channels]
    plan_keys(plan, command)
    return 0


cdef inline Plan* plan_of(command, size_t number) noexcept:
    """Where a command's keys and channels are; only good until the next call."""
    if number < plans_room and plans[number].way != WAY_UNKNOWN:
        return &plans[number]
    return new_plan(command, number)


cdef Plan* new_plan(command, size_t number) noexcept:
    global plans, plans_room
    cdef Plan* bigger
    cdef size_t room
    if number >= plans_room:
        room = number + 256
        bigger = <Plan*>realloc(plans, room * sizeof(Plan))
        if bigger == NULL:
            abort()
        memset(bigger + plans_room, 0, (room - plans_room) * sizeof(Plan))
        plans = bigger
        plans_room = room
    # If anything goes wrong, the words are searched, which leaves nothing out.
    plans[number].way = WAY_SEARCHED
    make_plan(&plans[number], command)
    return &plans[number]


cdef inline bint matches(const Pattern* p, const char* text, size_t length) noexcept nogil:
    if p.shape == SHAPE_PREFIX:
        return length >= p.compared and length > 0 and memcmp(p.text, text, p.compared) == 0
    if p.shape == SHAPE_LITERAL:
        return length == p.compared and memcmp(p.text, text, length) == 0
    return glob_match(p.text, p.length, text, length, False)


cdef inline bint key_allowed(const Selector* s, const char* text, size_t length, uint8_t needs) noexcept nogil:
    cdef size_t i
    for i in range(s.key_count):
        if s.keys[i].rights & needs == needs and matches(&s.keys[i], text, length):
            return True
    return False


cdef inline int last_of(const Span* span, int count) noexcept nogil:
    if span.last >= 0:
        return span.first + span.last
    if span.limit > 1:
        return span.first + (count - span.first) // span.limit + span.last
    return count + span.last


cdef int compile_pattern(Pattern* p, bytes text, uint8_t rights) except -1:
    cdef size_t literal
    p.text = PyBytes_AS_STRING(text)
    p.length = PyBytes_GET_SIZE(text)
    p.rights = rights
    literal = p.length
    while literal and p.text[literal - 1] == c"*":
        literal -= 1
    p.compared = literal
    if not is_literal(p.text, literal):
        p.shape = SHAPE_GLOB
    elif literal == p.length:
        p.shape = SHAPE_LITERAL
    else:
        p.shape = SHAPE_PREFIX
    return 0


cdef class Account:
    """One user, for whom connections run commands; `user` holds the rules, `adopt` takes others."""

    def __init__(self, user):
        self.name = user.name
        self.adopt(user)

    def __dealloc__(self):
        self.clear()

    cdef void clear(self) noexcept:
        cdef size_t i
        for i in range(self.count):
            free(self.selectors[i].commands)
            free(self.selectors[i].keys)
            free(self.selectors[i].channels)
        free(self.selectors)
        self.selectors = NULL
        self.count = 0

    def adopt(self, user):
        """Follow these rules from now on."""
        cdef Selector* made
        cdef object mask = (1 << 64) - 1
        cdef size_t i, words
        cdef list selectors = user.every_selector
        cdef list kept = []
        self.clear()
        self.user = user
        self.selectors = <Selector*>calloc(len(selectors), sizeof(Selector))
        if self.selectors == NULL:
            raise MemoryError
        self.count = len(selectors)
        for index, rules in enumerate(selectors):
            made = &self.selectors[<size_t>index]
            made.all_commands = rules.all_commands
            made.later_commands = rules.bits < 0
            made.first_args = bool(rules.first_args)
            made.all_keys = rules.all_keys
            made.all_channels = rules.all_channels
            made.all_databases = rules.all_databases
            words = (rules.bits.bit_length() + 63) // 64
            made.commands = <uint64_t*>calloc(words + 1, sizeof(uint64_t))
            made.keys = <Pattern*>calloc(len(rules.keys) + 1, sizeof(Pattern))
            made.channels = <Pattern*>calloc(len(rules.channels) + 1, sizeof(Pattern))
            if made.commands == NULL or made.keys == NULL or made.channels == NULL:
                raise MemoryError
            made.command_words = words
            for i in range(words):
                made.commands[i] = rules.bits >> 64 * i & mask
            for pattern, rights in rules.keys.items():
                kept.append(pattern)
                compile_pattern(&made.keys[made.key_count], pattern, rights)
                made.key_count += 1
            for pattern in rules.channels:
                kept.append(pattern)
                compile_pattern(&made.channels[made.channel_count], pattern, 0)
                made.channel_count += 1
        self.kept = kept
        root = selectors[0]
        self.unrestricted = root.all_commands and root.all_keys and root.all_channels and root.all_databases
        self.limits_databases = not all(rules.all_databases for rules in selectors)

    cdef Verdict check(self, object command, size_t number, bint always, const Arg* argv, size_t argc, int database,
                       size_t* word) noexcept:
        cdef Verdict verdict, worst = ALLOWED
        cdef size_t i, at = 0
        word[0] = 0
        for i in range(self.count):
            at = 0
            verdict = self.ask(i, command, number, always, argv, argc, database, &at)
            if verdict == ALLOWED:
                worst = ALLOWED
                break
            if verdict > worst or (verdict == worst and at > word[0]):
                worst = verdict
                word[0] = at
        if self.places is not None:
            self.places = None
        return worst

    cdef Verdict ask(self, size_t index, object command, size_t number, bint always, const Arg* argv, size_t argc,
                     int database, size_t* word) noexcept:
        cdef Selector* s = &self.selectors[index]
        cdef bint allowed
        if not s.all_databases and not self.databases_allowed(index, command, argv, argc, database, word):
            return DENIED_DATABASE
        if not s.all_commands and not always:
            if number < 64 * s.command_words:
                allowed = s.commands[number >> 6] >> (number & 63) & 1
            else:
                allowed = s.later_commands
            if not allowed and not (s.first_args and self.first_arg_allowed(index, command, number, argv, argc)):
                return DENIED_COMMAND
        if not s.all_keys and not self.keys_allowed(s, command, number, argv, argc, word):
            return DENIED_KEY
        if not s.all_channels and not self.channels_allowed(s, command, number, argv, argc, word):
            return DENIED_CHANNEL
        return ALLOWED

    cdef bint first_arg_allowed(self, size_t index, object command, size_t number, const Arg* argv,
                                size_t argc) noexcept:
        cdef size_t at = 1 if command.parent is None else 2
        if argc <= at:
            return False
        words = self.user.every_selector[index].first_args.get(number)
        return words is not None and PyBytes_FromStringAndSize(argv[at].ptr, argv[at].len).lower() in words

    cdef bint keys_allowed(self, Selector* s, object command, size_t number, const Arg* argv, size_t argc,
                           size_t* word) noexcept:
        cdef Plan* plan = plan_of(command, number)
        cdef Span* span
        cdef int i, at, last, count = <int>argc
        cdef uint8_t needs
        if plan.way == WAY_NONE:
            return True
        if plan.way == WAY_SEARCHED:
            return self.found_keys_allowed(s, command, argv, argc, word)
        # Where words are missing there are no keys: the command itself will say so.
        for i in range(plan.span_count):
            span = &plan.spans[i]
            if not span.first <= last_of(span, count) < count:
                return True
        for i in range(plan.span_count):
            span = &plan.spans[i]
            needs = span.needs
            if plan.way == WAY_SURE:
                needs = plan.needs_at_least if count == plan.fewest else MAY_BOTH
            last = last_of(span, count)
            at = span.first
            while at <= last:
                if not key_allowed(s, argv[at].ptr, argv[at].len, needs):
                    if plan.way == WAY_SURE:
                        return self.found_keys_allowed(s, command, argv, argc, word)
                    word[0] = at
                    return False
                at += span.step
        return True

    cdef bint found_keys_allowed(self, Selector* s, object command, const Arg* argv, size_t argc,
                                 size_t* word) noexcept:
        """The same where only a look at the words tells."""
        cdef size_t i, at
        cdef list places = self.places
        if places is None:
            words = [PyBytes_FromStringAndSize(argv[i].ptr, argv[i].len) for i in range(argc)]
            try:
                places = get_keys(command, words)
            except CommandError:
                places = []
            self.places = places
        for position, flags in places:
            at = position
            if not key_allowed(s, argv[at].ptr, argv[at].len, needs_of(flags)):
                word[0] = at
                return False
        return True

    cdef bint channels_allowed(self, Selector* s, object command, size_t number, const Arg* argv, size_t argc,
                               size_t* word) noexcept:
        cdef Plan* plan = plan_of(command, number)
        cdef size_t at, i, last
        cdef bint allowed
        cdef Pattern* p
        if plan.channels == CHANNELS_NONE or argc < 2:
            return True
        last = 1 if plan.channels == CHANNELS_FIRST else argc - 1
        for at in range(1, last + 1):
            allowed = False
            for i in range(s.channel_count):
                p = &s.channels[i]
                if plan.channels == CHANNELS_PATTERNS:
                    # A pattern may be subscribed to that is one of the rules, to the letter.
                    allowed = p.length == argv[at].len and memcmp(p.text, argv[at].ptr, p.length) == 0
                else:
                    allowed = matches(p, argv[at].ptr, argv[at].len)
                if allowed:
                    break
            if not allowed:
                word[0] = at
                return False
        return True

    cdef bint databases_allowed(self, size_t index, object command, const Arg* argv, size_t argc, int database,
                                size_t* word) noexcept:
        cdef size_t i
        words = [PyBytes_FromStringAndSize(argv[i].ptr, argv[i].len) for i in range(argc)]
        allowed = self.user.every_selector[index].databases
        for number, at in reached(command, words, database, self.user.databases):
            if number == EVERY or number not in allowed:
                word[0] = at
                return False
        return True

    # For those who ask in Python

    def may_hear(self, bytes channel, bint pattern):
        """Whether one of the selectors allows a channel, or subscribing to a pattern."""
        for rules in self.user.every_selector:
            if rules.all_channels or (pattern and channel in rules.channels):
                return True
        if pattern:
            return False
        return self.channel_matches(channel)

    def channel_matches(self, bytes channel):
        cdef size_t i, j
        for i in range(self.count):
            for j in range(self.selectors[i].channel_count):
                if matches(&self.selectors[i].channels[j], PyBytes_AS_STRING(channel), PyBytes_GET_SIZE(channel)):
                    return True
        return False

    def verdict(self, command, list words, int database = 0):
        """What `check` says of these words: (verdict, position of a word)."""
        cdef size_t at = 0
        cdef Verdict found
        cdef Arg* argv = pointers(words)
        found = self.check(command, command.number, bool(command.flags & NO_AUTH), argv, len(words), database, &at)
        free(argv)
        return <int>found, at

    def may_all_keys(self, command, list words, uint8_t rights, int database = 0):
        """Whether one selector allows the command, and all keys with these rights."""
        cdef size_t i, at = 0
        cdef bint found = False
        cdef Arg* argv = pointers(words)
        for i in range(self.count):
            if all_keys(&self.selectors[i], rights):
                found = self.ask(i, command, command.number, False, argv, len(words), database, &at) == ALLOWED
            if found:
                break
        self.places = None
        free(argv)
        return found


cdef Arg* pointers(list words) except NULL:
    """The words as dispatch has them; they have to stay, and the caller frees the array."""
    cdef size_t i
    cdef bytes word
    cdef Arg* argv = <Arg*>calloc(len(words) + 1, sizeof(Arg))
    if argv == NULL:
        raise MemoryError
    for i in range(<size_t>len(words)):
        word = words[i]
        argv[i].ptr = PyBytes_AS_STRING(word)
        argv[i].len = PyBytes_GET_SIZE(word)
    return argv


cdef bint all_keys(const Selector* s, uint8_t rights) noexcept nogil:
    cdef size_t i
    for i in range(s.key_count):
        if s.keys[i].shape == SHAPE_PREFIX and not s.keys[i].compared and s.keys[i].rights & rights == rights:
            return True
    return s.all_keys
