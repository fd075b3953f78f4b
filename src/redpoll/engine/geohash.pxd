"""Places on the earth as 52-bit numbers, and searching among them: see geohash.pyx.

    bits 0, 2, 4, …     latitude, 26 bits of the way from -85.05112878 to 85.05112878
    bits 1, 3, 5, …     longitude, 26 bits of the way from -180 to 180

A number is the score of a member of a sorted set, exactly as a double. A cell of `step` bits each way is all numbers
that begin with its 2 * step bits. Degrees outside, metres inside.
"""

from libc.stdint cimport uint64_t

cdef enum:
    GEO_STEPS = 26
    GEO_CELLS = 9
    GEO_TEXT_SIZE = 11

cdef struct Place:
    double longitude
    double latitude

cdef bint place_is_valid(double longitude, double latitude) noexcept nogil
cdef uint64_t geohash_encode(double longitude, double latitude) noexcept nogil
# The middle of the smallest cell; any score has one.
cdef Place geohash_decode(double score) noexcept nogil
# The usual geohash of eleven letters.
cdef void geohash_text(double score, char* text) noexcept nogil
cdef double distance_between(double longitude, double latitude, double other_longitude,
                             double other_latitude) noexcept nogil

cdef enum ShapeKind:
    SHAPE_CIRCLE
    SHAPE_BOX
    SHAPE_POLYGON

cdef struct Shape:
    ShapeKind kind
    Place centre
    double unit              # metres
    double radius            # in units
    double width
    double height
    Place* vertices          # the caller's
    size_t count

# The centre of a polygon's vertices.
cdef Place centre_of(const Place* vertices, size_t count) noexcept nogil
# Whether a place is inside; `distance` is set to that from the centre, then.
cdef bint is_inside(const Shape* shape, Place place, double* distance) noexcept nogil

# Scores from `low` up to but not with `high`.
cdef struct Cell:
    double low
    double high

# Cells that cover a shape, in the order in which Redis looks at them; how many.
cdef size_t cells_of(const Shape* shape, Cell* cells) noexcept nogil
