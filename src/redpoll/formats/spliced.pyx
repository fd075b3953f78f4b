"""Bytes that are known, and among them what trees hold; see spliced.pxd."""

from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, calloc, free, malloc, realloc

from redpoll.engine.id_ranges cimport id_ranges, id_ranges_free, id_ranges_next, id_ranges_step
from redpoll.engine.id_tree cimport IdRanges, IdTree, StreamId
from redpoll.formats.rdb_output cimport Output, output_free, output_init, output_init_as, put_output, put_output_some

cdef enum:
    FIRST_ROOM = 16


cdef Spliced* spliced_new(const Output* like) noexcept nogil:
    cdef Spliced* spliced = <Spliced*>calloc(1, sizeof(Spliced))
    if spliced != NULL:
        output_init_as(&spliced.text, like)
    return spliced


cdef void* keep_range(void* at, const IdTree* tree, StreamId first, StreamId last) noexcept nogil:
    cdef Output* kept = <Output*>malloc(sizeof(Output))
    if kept == NULL:
        fprintf(stderr, b"Out of memory: no room for a snapshot's pending entries.\n")
        abort()
    output_init(kept)
    (<const Splice*>at).write(kept, <const Splice*>at, tree, first, last)
    return kept


cdef void free_range(void* kept) noexcept nogil:
    output_free(<Output*>kept)
    free(kept)


cdef Splice* splice(Spliced* spliced, IdTree* tree, range_writer write) noexcept nogil:
    cdef Splice** larger
    cdef Splice* added
    if spliced.count == spliced.room:
        spliced.room = spliced.room * 2 if spliced.room else <size_t>FIRST_ROOM
        larger = <Splice**>realloc(spliced.splices, spliced.room * sizeof(Splice*))
        if larger == NULL:
            return NULL
        spliced.splices = larger
    added = <Splice*>calloc(1, sizeof(Splice))
    if added == NULL:
        return NULL
    added.offset = spliced.text.length
    added.write = write
    added.ranges = id_ranges(tree, keep_range, free_range, added)
    if added.ranges == NULL:
        free(added)
        return NULL
    output_init(&added.words)
    spliced.splices[spliced.count] = added
    spliced.count += 1
    return added


cdef void free_splice(Splice* at) noexcept nogil:
    id_ranges_free(at.ranges)
    output_free(&at.words)
    free(at)


cdef bint put_ranges(Output* out, const Splice* at, size_t until) noexcept nogil:
    cdef IdRanges* ranges = at.ranges
    cdef StreamId first, last
    cdef const Output* kept
    while ranges.at < ranges.count:
        if out.length >= until:
            return False
        kept = <const Output*>id_ranges_next(ranges, &first, &last)
        if kept != NULL:
            put_output(out, kept)
        else:
            at.write(out, at, ranges.tree, first, last)
        id_ranges_step(ranges)
    return True


cdef bint spliced_more(Output* out, Spliced* spliced, size_t until) noexcept nogil:
    cdef size_t end
    while True:
        end = spliced.splices[spliced.at].offset if spliced.at < spliced.count else spliced.text.length
        put_output_some(out, &spliced.text, spliced.written, end, &spliced.written_marks)
        spliced.written = end
        if spliced.at == spliced.count:
            return True
        if not put_ranges(out, spliced.splices[spliced.at], until):
            return False
        free_splice(spliced.splices[spliced.at])
        spliced.at += 1


cdef void spliced_free(Spliced* spliced) noexcept nogil:
    while spliced.at < spliced.count:
        free_splice(spliced.splices[spliced.at])
        spliced.at += 1
    free(spliced.splices)
    output_free(&spliced.text)
    free(spliced)
