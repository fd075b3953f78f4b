"""Geohashes on the square of the web's Mercator projection, and the cells that cover a shape.

The arithmetic is Redis's, operation by operation, so that distances and borders come out the same to the last bit: the
earth is a sphere of 6,372,797.560856 m, and distances are haversines (Sinnott, "Virtues of the haversine", 1984).

A search looks at the cell around its centre and at the eight around that, at the step where one cell is about as large
as the shape, less those that the shape's bounding box does not reach into.
"""

from libc.math cimport M_PI, asin, atan2, cos, fabs, sin, sqrt
from libc.stdint cimport int64_t, uint64_t

cdef double LATITUDE_MAX = 85.05112878
cdef double LONGITUDE_MAX = 180.0
cdef double EARTH_RADIUS = 6372797.560856
cdef double MERCATOR_MAX = 20037726.37


cdef inline double radians(double degrees) noexcept nogil:
    return degrees * (M_PI / 180.0)


cdef inline double degrees_of(double angle) noexcept nogil:
    return angle / (M_PI / 180.0)


cdef bint place_is_valid(double longitude, double latitude) noexcept nogil:
    return -LONGITUDE_MAX <= longitude <= LONGITUDE_MAX and -LATITUDE_MAX <= latitude <= LATITUDE_MAX


# Bits

cdef inline uint64_t spread(uint64_t x) noexcept nogil:
    """The low 32 bits to the even places (Warren, "Hacker's Delight", 7-2)."""
    x &= <uint64_t>0xFFFFFFFF
    x = (x | (x << 16)) & <uint64_t>0x0000FFFF0000FFFF
    x = (x | (x << 8)) & <uint64_t>0x00FF00FF00FF00FF
    x = (x | (x << 4)) & <uint64_t>0x0F0F0F0F0F0F0F0F
    x = (x | (x << 2)) & <uint64_t>0x3333333333333333
    return (x | (x << 1)) & <uint64_t>0x5555555555555555


cdef inline uint64_t gathered(uint64_t x) noexcept nogil:
    """The even places together again."""
    x &= <uint64_t>0x5555555555555555
    x = (x | (x >> 1)) & <uint64_t>0x3333333333333333
    x = (x | (x >> 2)) & <uint64_t>0x0F0F0F0F0F0F0F0F
    x = (x | (x >> 4)) & <uint64_t>0x00FF00FF00FF00FF
    x = (x | (x >> 8)) & <uint64_t>0x0000FFFF0000FFFF
    return (x | (x >> 16)) & <uint64_t>0xFFFFFFFF


cdef inline uint64_t encode(double longitude, double latitude, double latitude_max, int step) noexcept nogil:
    cdef double scale = <double>(<uint64_t>1 << step)
    cdef double y = (latitude + latitude_max) / (latitude_max - -latitude_max) * scale
    cdef double x = (longitude + LONGITUDE_MAX) / (LONGITUDE_MAX - -LONGITUDE_MAX) * scale
    return spread(<uint64_t>y) | (spread(<uint64_t>x) << 1)


cdef uint64_t geohash_encode(double longitude, double latitude) noexcept nogil:
    return encode(longitude, latitude, LATITUDE_MAX, GEO_STEPS)


# An area of latitudes and longitudes.
cdef struct Area:
    double west
    double east
    double south
    double north


cdef inline Area area_of(uint64_t bits, int step) noexcept nogil:
    cdef double scale = <double>(<uint64_t>1 << step)
    cdef uint64_t y = gathered(bits)
    cdef uint64_t x = gathered(bits >> 1)
    cdef double height = LATITUDE_MAX - -LATITUDE_MAX
    cdef double width = LONGITUDE_MAX - -LONGITUDE_MAX
    cdef Area area
    area.south = -LATITUDE_MAX + (y * 1.0 / scale) * height
    area.north = -LATITUDE_MAX + ((y + 1) * 1.0 / scale) * height
    area.west = -LONGITUDE_MAX + (x * 1.0 / scale) * width
    area.east = -LONGITUDE_MAX + ((x + 1) * 1.0 / scale) * width
    return area


cdef inline uint64_t bits_of(double score) noexcept nogil:
    """A score as a number; for what no place has, as processors convert it."""
    if -9223372036854775808.0 <= score < 9223372036854775808.0:
        return <uint64_t><int64_t>score
    if score < 0:
        return <uint64_t>1 << 63
    return <uint64_t>score if score < 18446744073709551616.0 else 0


cdef inline double clamped(double value, double most) noexcept nogil:
    if value > most:
        return most
    return -most if value < -most else value


cdef Place geohash_decode(double score) noexcept nogil:
    cdef Area area = area_of(bits_of(score), GEO_STEPS)
    cdef Place place
    place.longitude = clamped((area.west + area.east) / 2, LONGITUDE_MAX)
    place.latitude = clamped((area.south + area.north) / 2, LATITUDE_MAX)
    return place


cdef void geohash_text(double score, char* text) noexcept nogil:
    cdef const char* letters = b"0123456789bcdefghjkmnpqrstuvwxyz"
    cdef Place place = geohash_decode(score)
    # Others' geohashes span all latitudes.
    cdef uint64_t bits = encode(place.longitude, place.latitude, 90.0, GEO_STEPS)
    cdef int i
    for i in range(10):
        text[i] = letters[(bits >> (52 - (i + 1) * 5)) & 31]
    # 52 bits fill no eleventh letter.
    text[10] = c"0"


# Distances

cdef double latitude_distance(double latitude, double other) noexcept nogil:
    return EARTH_RADIUS * fabs(radians(other) - radians(latitude))


cdef double distance_between(double longitude, double latitude, double other_longitude,
                             double other_latitude) noexcept nogil:
    cdef double lon1 = radians(longitude)
    cdef double lon2 = radians(other_longitude)
    cdef double v = sin((lon2 - lon1) / 2)
    cdef double lat1, lat2, u, a
    if v == 0.0:
        return latitude_distance(latitude, other_latitude)
    lat1 = radians(latitude)
    lat2 = radians(other_latitude)
    u = sin((lat2 - lat1) / 2)
    a = u * u + cos(lat1) * cos(lat2) * v * v
    return 2.0 * EARTH_RADIUS * asin(sqrt(a))


# Shapes

cdef Place centre_of(const Place* vertices, size_t count) noexcept nogil:
    """The mean of the vertices as points in space, seen from the middle of the earth."""
    cdef double x = 0
    cdef double y = 0
    cdef double z = 0
    cdef double lon, lat
    cdef size_t i
    cdef Place centre
    for i in range(count):
        lon = radians(vertices[i].longitude)
        lat = radians(vertices[i].latitude)
        x += cos(lat) * cos(lon)
        y += cos(lat) * sin(lon)
        z += sin(lat)
    x /= count
    y /= count
    z /= count
    centre.longitude = degrees_of(atan2(y, x))
    centre.latitude = degrees_of(atan2(z, sqrt(x * x + y * y)))
    return centre


cdef bint is_in_polygon(const Shape* shape, Place place) noexcept nogil:
    """By how often a ray to the east crosses the border."""
    cdef size_t i
    cdef size_t j = shape.count - 1
    cdef bint inside = False
    cdef const Place* a
    cdef const Place* b
    for i in range(shape.count):
        a = &shape.vertices[i]
        b = &shape.vertices[j]
        if (a.latitude > place.latitude) != (b.latitude > place.latitude) and place.longitude < (
                (b.longitude - a.longitude) * (place.latitude - a.latitude) / (b.latitude - a.latitude) + a.longitude):
            inside = not inside
        j = i
    return inside


cdef bint is_inside(const Shape* shape, Place place, double* distance) noexcept nogil:
    cdef Place centre = shape.centre
    if shape.kind == SHAPE_CIRCLE:
        distance[0] = distance_between(centre.longitude, centre.latitude, place.longitude, place.latitude)
        return distance[0] <= shape.radius * shape.unit
    if shape.kind == SHAPE_BOX:
        if latitude_distance(place.latitude, centre.latitude) > shape.height * shape.unit / 2:
            return False
        if distance_between(place.longitude, place.latitude, centre.longitude,
                            place.latitude) > shape.width * shape.unit / 2:
            return False
    elif not is_in_polygon(shape, place):
        return False
    distance[0] = distance_between(centre.longitude, centre.latitude, place.longitude, place.latitude)
    return True


cdef Area polygon_bounds(const Shape* shape) noexcept nogil:
    cdef Area area
    cdef size_t i
    area.west = area.east = shape.vertices[0].longitude
    area.south = area.north = shape.vertices[0].latitude
    for i in range(1, shape.count):
        area.west = min(area.west, shape.vertices[i].longitude)
        area.east = max(area.east, shape.vertices[i].longitude)
        area.south = min(area.south, shape.vertices[i].latitude)
        area.north = max(area.north, shape.vertices[i].latitude)
    return area


cdef Area bounds_of(const Shape* shape) noexcept nogil:
    cdef Place centre = shape.centre
    cdef double height, width, up, top, bottom, widest
    cdef Area area
    if shape.kind == SHAPE_POLYGON:
        return polygon_bounds(shape)
    height = shape.unit * (shape.height / 2 if shape.kind == SHAPE_BOX else shape.radius)
    width = shape.unit * (shape.width / 2 if shape.kind == SHAPE_BOX else shape.radius)
    up = degrees_of(height / EARTH_RADIUS)
    top = degrees_of(width / EARTH_RADIUS / cos(radians(centre.latitude + up)))
    bottom = degrees_of(width / EARTH_RADIUS / cos(radians(centre.latitude - up)))
    # A degree of longitude is shortest on the side of the pole.
    widest = bottom if centre.latitude < 0 else top
    area.west = centre.longitude - widest
    area.east = centre.longitude + widest
    area.south = centre.latitude - up
    area.north = centre.latitude + up
    return area


cdef double reach_of(const Shape* shape, const Area* bounds) noexcept nogil:
    """The radius that tells how large cells have to be."""
    cdef double lon = shape.centre.longitude
    cdef double lat = shape.centre.latitude
    if shape.kind == SHAPE_CIRCLE:
        return shape.radius * shape.unit
    if shape.kind == SHAPE_BOX:
        return sqrt((shape.width / 2) * (shape.width / 2) + (shape.height / 2) * (shape.height / 2)) * shape.unit
    # The corner of the bounds that is farthest from the centre.
    return max(max(distance_between(lon, lat, bounds.west, bounds.south),
                   distance_between(lon, lat, bounds.east, bounds.south)),
               max(distance_between(lon, lat, bounds.west, bounds.north),
                   distance_between(lon, lat, bounds.east, bounds.north)))


cdef int step_for(double reach, double latitude) noexcept nogil:
    """The step at which nine cells cover a circle of this radius."""
    cdef int step = 1
    if reach == 0:
        return GEO_STEPS
    while reach < MERCATOR_MAX:
        reach *= 2
        step += 1
    step -= 2
    # Cells are narrower towards the poles.
    if latitude > 66 or latitude < -66:
        step -= 1
        if latitude > 80 or latitude < -80:
            step -= 1
    return max(1, min(step, <int>GEO_STEPS))


cdef uint64_t beside(uint64_t bits, int step, int east, int north) noexcept nogil:
    """The cell next to one, around the earth where it ends."""
    cdef uint64_t mask = (<uint64_t>1 << step) - 1
    cdef uint64_t y = gathered(bits)
    cdef uint64_t x = gathered(bits >> 1)
    # The eastern and northern ends have a row of cells of their own, beyond the last; it stays where it is not left.
    if north:
        y = (y + north) & mask
    if east:
        x = (x + east) & mask
    return spread(y) | (spread(x) << 1)


# From which side of the middle each cell is, in the order of a search.
cdef int[9] EASTWARD
cdef int[9] NORTHWARD
EASTWARD[:] = [0, 0, 0, 1, -1, 1, -1, 1, -1]
NORTHWARD[:] = [0, 1, -1, 0, 0, 1, 1, -1, -1]


cdef bint is_too_small(uint64_t bits, int step, const Area* bounds) noexcept nogil:
    """Whether the nine cells end within the bounds somewhere."""
    return (area_of(beside(bits, step, 0, 1), step).north < bounds.north
            or area_of(beside(bits, step, 0, -1), step).south > bounds.south
            or area_of(beside(bits, step, 1, 0), step).east < bounds.east
            or area_of(beside(bits, step, -1, 0), step).west > bounds.west)


cdef bint is_useless(int cell, const Area* middle, const Area* bounds) noexcept nogil:
    """Whether the bounds do not reach into a cell beside the middle."""
    return ((NORTHWARD[cell] < 0 and middle.south < bounds.south)
            or (NORTHWARD[cell] > 0 and middle.north > bounds.north)
            or (EASTWARD[cell] < 0 and middle.west < bounds.west)
            or (EASTWARD[cell] > 0 and middle.east > bounds.east))


cdef size_t cells_of(const Shape* shape, Cell* cells) noexcept nogil:
    cdef Area bounds = bounds_of(shape)
    cdef Area middle
    cdef int step = step_for(reach_of(shape, &bounds), shape.centre.latitude)
    cdef uint64_t bits = encode(shape.centre.longitude, shape.centre.latitude, LATITUDE_MAX, step)
    cdef uint64_t other
    cdef uint64_t last = 0
    cdef int shift, cell
    cdef size_t count = 0
    if not place_is_valid(shape.centre.longitude, shape.centre.latitude):
        # The centre of a polygon near a pole may be beyond what the projection reaches; nothing is found then.
        return 0
    if step > 1 and is_too_small(bits, step, &bounds):
        step -= 1
        bits = encode(shape.centre.longitude, shape.centre.latitude, LATITUDE_MAX, step)
    middle = area_of(bits, step)
    shift = 52 - 2 * step
    for cell in range(GEO_CELLS):
        if cell and step >= 2 and is_useless(cell, &middle, &bounds):
            continue
        other = beside(bits, step, EASTWARD[cell], NORTHWARD[cell])
        # Around a small earth two neighbours may be the same cell.
        if count and other == last:
            continue
        last = other
        cells[count].low = <double>(other << shift)
        cells[count].high = <double>((other + 1) << shift)
        count += 1
    return count
