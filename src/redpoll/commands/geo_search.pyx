"""Searching for places in a circle, a box or a polygon."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from redpoll.commands.call cimport Call, native
from redpoll.commands.geo cimport read_place, read_unit, reply_distance, reply_place
from redpoll.commands.sorted_set cimport limits_of, open_sorted, store_sorted
from redpoll.engine.gathering cimport Gathering, gather_build, gather_init, gather_member
from redpoll.engine.geohash cimport (
    GEO_CELLS, SHAPE_BOX, SHAPE_CIRCLE, SHAPE_POLYGON, Cell, Place, Shape, cells_of, centre_of, geohash_decode,
    is_inside,
)
from redpoll.engine.memory cimport KIND_OTHER, allocate, reallocate, release
from redpoll.engine.numbers cimport parse_double, parse_int64
from redpoll.engine.rank_tree cimport BOUND_SCORE_FROM, Bound
from redpoll.engine.sorted_set cimport (
    Cursor, Limits, Sorted, cursor_next, cursor_start, sorted_before, sorted_score,
)
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_integer

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum Order:
    UNORDERED
    ASCENDING
    DESCENDING

# What a search was told.
cdef struct Search:
    Shape shape
    bint has_centre
    bint has_shape
    size_t member_word       # FROMMEMBER's; 0: none
    Order order
    int64_t count            # 0: all
    bint any
    bint with_distance
    bint with_hash
    bint with_place
    size_t store_word        # 0: reply
    bint store_distance

# A place that was found.
cdef struct Hit:
    const char* text         # NULL: the text is in `own`
    size_t length
    double score
    double distance
    Place place
    char own[24]

cdef struct Hits:
    Hit* items
    size_t count
    size_t room


# Reading the words

# Which command it is, where that makes a difference.
cdef enum Form:
    FORM_RADIUS = 1          # GEORADIUS and its kin, whose centre and circle stand before the options
    FORM_MAY_STORE = 2       # with STORE and STOREDIST
    FORM_STORE = 4           # GEOSEARCHSTORE


cdef int read_radius(Call call, size_t word, Search* search) except -1:
    if not parse_double(call.argv[word].ptr, call.argv[word].len, &search.shape.radius):
        raise CommandError(errors.GEO_RADIUS)
    if search.shape.radius < 0:
        raise CommandError(errors.GEO_NEGATIVE_RADIUS)
    search.shape.unit = read_unit(call, word + 1)
    search.shape.kind = SHAPE_CIRCLE
    search.has_shape = True
    return 0


cdef int read_box(Call call, size_t word, Search* search) except -1:
    if not parse_double(call.argv[word].ptr, call.argv[word].len, &search.shape.width):
        raise CommandError(errors.GEO_WIDTH)
    if not parse_double(call.argv[word + 1].ptr, call.argv[word + 1].len, &search.shape.height):
        raise CommandError(errors.GEO_HEIGHT)
    if search.shape.width < 0 or search.shape.height < 0:
        raise CommandError(errors.GEO_NEGATIVE_BOX)
    search.shape.unit = read_unit(call, word + 2)
    search.shape.kind = SHAPE_BOX
    search.has_shape = True
    return 0


cdef int read_polygon(Call call, size_t word, Search* search) except -1:
    cdef long long count
    cdef size_t i
    if not parse_int64(call.argv[word].ptr, call.argv[word].len, &count):
        raise CommandError(errors.GEO_VERTEX_COUNT)
    if count < 3 or count > <long long>(call.argc - word - 1) // 2:
        raise CommandError(errors.GEO_FEW_VERTICES)
    free(search.shape.vertices)
    search.shape.vertices = <Place*>malloc(count * sizeof(Place))
    if search.shape.vertices == NULL:
        raise MemoryError
    for i in range(count):
        read_place(call, word + 1 + 2 * i, &search.shape.vertices[i])
    search.shape.count = count
    search.shape.kind = SHAPE_POLYGON
    search.shape.unit = 1
    search.shape.centre = centre_of(search.shape.vertices, count)
    search.has_shape = True
    return 0


cdef int read_member(Call call, size_t word, const Sorted* z, bint there, Search* search) except -1:
    """The place of a member as the centre; where there is no sorted set, nothing is looked at."""
    cdef double score
    search.member_word = word
    if there:
        if not sorted_score(z, call.argv[word].ptr, call.argv[word].len, &score):
            raise CommandError(errors.GEO_MEMBER)
        search.shape.centre = geohash_decode(score)
    return 0


cdef bint allows_shape(const Search* search, int kind) noexcept:
    return not search.has_shape or search.shape.kind == kind


cdef size_t read_search_option(Call call, size_t i, const Sorted* z, bint there, Search* search) except 0:
    """One of GEOSEARCH's own options; how many words it has."""
    cdef size_t left = call.argc - i - 1
    cdef bint has_polygon = search.has_shape and search.shape.kind == SHAPE_POLYGON
    if left >= 1 and call.word_is(i, b"FROMMEMBER", 10) and not search.has_centre and not has_polygon:
        read_member(call, i + 1, z, there, search)
        return 2
    if left >= 2 and call.word_is(i, b"FROMLONLAT", 10) and not search.member_word and not has_polygon:
        read_place(call, i + 1, &search.shape.centre)
        search.has_centre = True
        return 3
    if left >= 2 and call.word_is(i, b"BYRADIUS", 8) and allows_shape(search, SHAPE_CIRCLE):
        read_radius(call, i + 1, search)
        return 3
    if left >= 3 and call.word_is(i, b"BYBOX", 5) and allows_shape(search, SHAPE_BOX):
        read_box(call, i + 1, search)
        return 4
    if (left >= 1 and call.word_is(i, b"BYPOLYGON", 9) and allows_shape(search, SHAPE_POLYGON)
            and not search.has_centre and not search.member_word):
        read_polygon(call, i + 1, search)
        return 2 + 2 * search.shape.count
    raise CommandError(errors.SYNTAX)


cdef size_t read_option(Call call, size_t i, int form, const Sorted* z, bint there, Search* search) except 0:
    """One option; how many words it has."""
    cdef size_t left = call.argc - i - 1
    if call.word_is(i, b"WITHDIST", 8):
        search.with_distance = True
    elif call.word_is(i, b"WITHHASH", 8):
        search.with_hash = True
    elif call.word_is(i, b"WITHCOORD", 9):
        search.with_place = True
    elif call.word_is(i, b"ANY", 3):
        search.any = True
    elif call.word_is(i, b"ASC", 3):
        search.order = ASCENDING
    elif call.word_is(i, b"DESC", 4):
        search.order = DESCENDING
    elif left and call.word_is(i, b"COUNT", 5):
        call.integer(i + 1, &search.count)
        if search.count <= 0:
            raise CommandError(errors.COUNT_NOT_POSITIVE)
        return 2
    elif form & FORM_MAY_STORE and left and call.word_is(i, b"STORE", 5):
        search.store_word = i + 1
        search.store_distance = False
        return 2
    elif form & FORM_MAY_STORE and left and call.word_is(i, b"STOREDIST", 9):
        search.store_word = i + 1
        search.store_distance = True
        return 2
    elif form & FORM_STORE and call.word_is(i, b"STOREDIST", 9):
        search.store_distance = True
    elif form & FORM_RADIUS:
        raise CommandError(errors.SYNTAX)
    else:
        return read_search_option(call, i, z, there, search)
    return 1


cdef int check_search(int form, const Search* search) except -1:
    cdef str name = "GEOSEARCHSTORE" if form & FORM_STORE else "GEOSEARCH"
    if search.store_word and (search.with_distance or search.with_hash or search.with_place):
        raise CommandError(errors.geo_store_with(name if form & FORM_STORE else "STORE option in GEORADIUS"))
    if not form & FORM_RADIUS:
        if (not search.has_centre and not search.member_word
                and not (search.has_shape and search.shape.kind == SHAPE_POLYGON)):
            raise CommandError(errors.geo_from(name))
        if not search.has_shape:
            raise CommandError(errors.geo_by(name))
    if search.any and not search.count:
        raise CommandError(errors.GEO_ANY_WITHOUT_COUNT)
    return 0


# Looking

cdef void add_hit(Hits* hits, const Cursor* c, Place place, double distance) noexcept nogil:
    cdef Hit* hit
    cdef size_t room
    if hits.count == hits.room:
        room = 2 * hits.room if hits.room else 32
        if hits.room:
            hits.items = <Hit*>reallocate(hits.items, hits.room * sizeof(Hit), room * sizeof(Hit), KIND_OTHER)
        else:
            hits.items = <Hit*>allocate(room * sizeof(Hit), KIND_OTHER)
        hits.room = room
    hit = &hits.items[hits.count]
    hits.count += 1
    hit.text = c.text
    hit.length = c.length
    if c.text == c.scratch:
        # The cursor prints integers into a place of its own, which the next one will overwrite.
        memcpy(hit.own, c.text, c.length)
        hit.text = NULL
    hit.score = c.score
    hit.distance = distance
    hit.place = place


cdef void look(const Sorted* z, const Search* search, Hits* hits) noexcept nogil:
    cdef Cell cells[GEO_CELLS]
    cdef size_t count = cells_of(&search.shape, cells)
    cdef size_t most = search.count if search.any else <size_t>-1
    cdef size_t i, first, end
    cdef Bound bound
    cdef Cursor c
    cdef Place place
    cdef double distance
    bound.kind = BOUND_SCORE_FROM
    for i in range(count):
        bound.score = cells[i].low
        first = sorted_before(z, &bound)
        bound.score = cells[i].high
        end = sorted_before(z, &bound)
        cursor_start(&c, z, first, end - first, False)
        while hits.count < most and cursor_next(&c):
            place = geohash_decode(c.score)
            if is_inside(&search.shape, place, &distance):
                add_hit(hits, &c, place, distance)


cdef bint is_out_of_order(const Hit* a, const Hit* b, Order order) noexcept nogil:
    return a.distance > b.distance if order == ASCENDING else a.distance < b.distance


cdef void merge(Hit** source, Hit** to, size_t start, size_t middle, size_t end, Order order) noexcept nogil:
    cdef size_t left = start
    cdef size_t right = middle
    cdef size_t i
    for i in range(start, end):
        if left < middle and (right >= end or not is_out_of_order(source[left], source[right], order)):
            to[i] = source[left]
            left += 1
        else:
            to[i] = source[right]
            right += 1


cdef Hit** in_order(Hits* hits, Order order) except NULL:
    """Pointers to the hits, by distance if they are to be ordered; equals stay as they were found."""
    cdef size_t count = hits.count
    cdef Hit** source = <Hit**>malloc((2 * count + 1) * sizeof(Hit*))
    cdef Hit** to = source + count
    cdef size_t i, start, middle, end
    cdef size_t width = 1
    cdef Hit** block = source
    if source == NULL:
        raise MemoryError
    for i in range(count):
        source[i] = &hits.items[i]
    if order == UNORDERED:
        return block
    while width < count:
        start = 0
        while start < count:
            middle = min(start + width, count)
            end = min(middle + width, count)
            merge(source, to, start, middle, end, order)
            start = end
        source, to = to, source
        width *= 2
    if source != block:
        memcpy(block, source, count * sizeof(Hit*))
    return block


cdef inline const char* text_of(const Hit* hit) noexcept nogil:
    if hit.text == NULL:
        return hit.own
    return hit.text


cdef void reply_hits(Call call, const Search* search, Hit** hits, size_t count) noexcept:
    cdef size_t parts = search.with_distance + search.with_hash + search.with_place
    cdef size_t i
    cdef Hit* hit
    reply_array(call.out, count)
    for i in range(count):
        hit = hits[i]
        if parts:
            reply_array(call.out, 1 + parts)
        reply_bulk(call.out, text_of(hit), hit.length)
        if search.with_distance:
            reply_distance(call, hit.distance / search.shape.unit)
        if search.with_hash:
            reply_integer(call.out, <int64_t>hit.score)
        if search.with_place:
            reply_place(call, hit.place)


cdef void store_hits(Call call, const Search* search, Hit** hits, size_t count, const char* event) noexcept:
    cdef Gathering gathered
    cdef Limits limits
    cdef Sorted made
    cdef size_t i
    limits_of(call, &limits)
    gather_init(&gathered, limits.seed)
    for i in range(count):
        gather_member(&gathered, text_of(hits[i]), hits[i].length,
                      hits[i].distance / search.shape.unit if search.store_distance else hits[i].score)
    gather_build(&gathered, &limits, &made)
    store_sorted(call, &made, event, search.store_word)


cdef int answer(Call call, Search* search, const Sorted* z, bint there, const char* event) except -1:
    cdef Hits hits
    cdef Hit** ordered
    cdef size_t count
    cdef Order order = search.order
    hits.items = NULL
    hits.count = hits.room = 0
    if there:
        look(z, search, &hits)
    if order == UNORDERED and search.count and not search.any:
        order = ASCENDING
    ordered = in_order(&hits, order)
    count = min(hits.count, <size_t>search.count) if search.count else hits.count
    if search.store_word:
        store_hits(call, search, ordered, count, event)
    else:
        reply_hits(call, search, ordered, count)
    free(ordered)
    if hits.room:
        release(hits.items, hits.room * sizeof(Hit), KIND_OTHER)
    return 0


cdef void search_init(Search* search) noexcept:
    search.shape.vertices = NULL
    search.shape.centre.longitude = search.shape.centre.latitude = 0
    search.shape.unit = 1
    search.has_centre = search.has_shape = False
    search.member_word = search.store_word = 0
    search.order = UNORDERED
    search.count = 0
    search.any = search.with_distance = search.with_hash = search.with_place = search.store_distance = False


cdef int read_rest(Call call, size_t first, int form, const Sorted* z, bint there, Search* search) except -1:
    cdef size_t i = first
    while i < call.argc:
        i += read_option(call, i, form, z, there, search)
    return check_search(form, search)


# GEOSEARCH and GEOSEARCHSTORE

cdef int search_from(Call call, size_t key, int form) except -1:
    cdef Search search
    cdef Sorted z
    cdef bint there = open_sorted(call.read(key), &z)
    search_init(&search)
    search.store_word = 1 if form & FORM_STORE else 0
    try:
        read_rest(call, key + 1, form, &z, there, &search)
        answer(call, &search, &z, there, b"geosearchstore")
    finally:
        free(search.shape.vertices)
    return 0


cdef int geosearch(Call call) except -1:
    return search_from(call, 1, 0)

declare(
    "GEOSEARCH key [FROMMEMBER member | FROMLONLAT longitude latitude]=from "
    "<((BYRADIUS radius) <M | KM | FT | MI>)=circle | "
    "((BYBOX width) height <M | KM | FT | MI>)=box | ((BYPOLYGON num-vertices) (longitude latitude)=vertices ...)"
    "=polygon>=by [ASC | DESC] [COUNT count [ANY]]=count-block [WITHCOORD] [WITHDIST] [WITHHASH]",
    native(geosearch), summary="Return members that are within a circle, a box or a polygon.", group="geo",
    since="6.2.0", flags=READONLY, arity=-7,
    complexity="O(N+log M) where N is the number of members in the cells around the shape and M of those inside",
    history=[("7.0.0", "Units may be written in capitals."), ("9.0.0", "Added `BYPOLYGON` (Valkey).")],
)


cdef int geosearchstore(Call call) except -1:
    return search_from(call, 2, FORM_STORE)

declare(
    "GEOSEARCHSTORE destination source [FROMMEMBER member | FROMLONLAT longitude latitude]=from "
    "<((BYRADIUS radius) <M | KM | FT | MI>)=circle | ((BYBOX width) height <M | KM | FT | MI>)=box | "
    "((BYPOLYGON num-vertices) (longitude latitude)=vertices ...)=polygon>=by [ASC | DESC] "
    "[COUNT count [ANY]]=count-block [STOREDIST]",
    native(geosearchstore), summary="Store the members that are within a circle, a box or a polygon.", group="geo",
    since="6.2.0", flags=WRITE | DENYOOM, arity=-8, keys=("OW update", "RO access"),
    complexity="O(N+log M) where N is the number of members in the cells around the shape and M of those inside",
    history=[("7.0.0", "Units may be written in capitals."), ("9.0.0", "Added `BYPOLYGON` (Valkey).")],
)


# GEORADIUS and its kin

cdef int search_around(Call call, size_t first, int form) except -1:
    """`first` is the word of the radius; a member's stands before it, or degrees."""
    cdef Search search
    cdef Sorted z
    cdef bint there = open_sorted(call.read(1), &z)
    search_init(&search)
    if first == 4:
        read_place(call, 2, &search.shape.centre)
    else:
        read_member(call, 2, &z, there, &search)
    # The circle around a member of nothing is not looked at.
    if first == 4 or there:
        read_radius(call, first, &search)
    read_rest(call, first + 2, form | FORM_RADIUS, &z, there, &search)
    return answer(call, &search, &z, there, b"georadiusstore")


cdef int georadius(Call call) except -1:
    return search_around(call, 4, FORM_MAY_STORE)

declare(
    "GEORADIUS key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
    "[COUNT count [ANY]]=count-block [ASC | DESC] [STORE key=storekey | STOREDIST key=storedistkey]=store",
    native(georadius), summary="Return or store members that are within a circle.", group="geo", since="3.2.0",
    flags=WRITE | DENYOOM, keys=("RO access", "OW update", "OW update"),
    complexity="O(N+log M) where N is the number of members in the cells around the circle and M of those inside",
    deprecated="6.2.0", replaced_by="`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
    added={"6.2.0": "ANY"}, history=[("7.0.0", "Units may be written in capitals.")],
)


cdef int georadius_ro(Call call) except -1:
    return search_around(call, 4, 0)

declare(
    "GEORADIUS_RO key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
    "[COUNT count [ANY]]=count-block [ASC | DESC]",
    native(georadius_ro), summary="Return members that are within a circle.", group="geo", since="3.2.10",
    flags=READONLY,
    complexity="O(N+log M) where N is the number of members in the cells around the circle and M of those inside",
    deprecated="6.2.0", replaced_by="`GEOSEARCH` with the `BYRADIUS` argument",
    added={"6.2.0": "ANY"}, history=[("7.0.0", "Units may be written in capitals.")],
)


cdef int georadiusbymember(Call call) except -1:
    return search_around(call, 3, FORM_MAY_STORE)

declare(
    "GEORADIUSBYMEMBER key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
    "[COUNT count [ANY]]=count-block [ASC | DESC] [STORE key=storekey | STOREDIST key=storedistkey]=store",
    native(georadiusbymember), summary="Return or store members that are within a circle around one of them.",
    group="geo", since="3.2.0", flags=WRITE | DENYOOM, keys=("RO access", "OW update", "OW update"),
    complexity="O(N+log M) where N is the number of members in the cells around the circle and M of those inside",
    deprecated="6.2.0",
    replaced_by="`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    history=[("6.2.0", "Added `ANY`."), ("7.0.0", "Units may be written in capitals.")],
)


cdef int georadiusbymember_ro(Call call) except -1:
    return search_around(call, 3, 0)

declare(
    "GEORADIUSBYMEMBER_RO key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
    "[COUNT count [ANY]]=count-block [ASC | DESC]",
    native(georadiusbymember_ro), summary="Return members that are within a circle around one of them.", group="geo",
    since="3.2.10", flags=READONLY,
    complexity="O(N+log M) where N is the number of members in the cells around the circle and M of those inside",
    deprecated="6.2.0", replaced_by="`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
    history=[("6.2.0", "Added `ANY`."), ("7.0.0", "Units may be written in capitals.")],
)
