"""Values of arrays in eight bytes each; their layout opens array_word.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.blob cimport Blob, blob_memory, blob_of, blob_release
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, release
from redpoll.engine.numbers cimport format_int64, format_uint64, parse_double, parse_int64

cdef enum:
    SHORT_MOST = 7
    DECIMAL_MOST = 18        # bytes of a text that may be a decimal: a sign, a point and 16 digits
    DECIMALS_MOST = 15
    BLOCK_HEADER = 4

cdef int64_t INTEGER_MOST = (<int64_t>1 << 60) - 1
cdef int64_t INTEGER_LEAST = -(<int64_t>1 << 60)
# Up to here a double holds every integer, so that dividing by a power of ten gives what reading the text would.
cdef int64_t MANTISSA_MOST = <int64_t>1 << 53

cdef double[16] POWERS
cdef int64_t[16] WHOLE_POWERS


cdef void fill_powers():
    cdef int i
    cdef int64_t power = 1
    for i in range(16):
        POWERS[i] = <double>power
        WHOLE_POWERS[i] = power
        power *= 10

fill_powers()


cdef inline Word decimal_of(const char* text, size_t length) noexcept nogil:
    """A decimal, or 0 for a text that none prints as."""
    cdef size_t i = 0
    cdef size_t first
    cdef size_t point = 0
    cdef int64_t mantissa = 0
    cdef unsigned int digit
    cdef bint negative = text[0] == c"-"
    if length > DECIMAL_MOST:
        return 0
    if negative:
        i = 1
    first = i
    while i < length:
        if text[i] == c"." and not point and i > first:
            point = i
        else:
            digit = <unsigned char>text[i] - 48u
            if digit > 9:
                return 0
            mantissa = mantissa * 10 + digit
        i += 1
    # Digits on both sides, no zero before another digit, no zero below zero.
    if not point or point + 1 == length or length - point - 1 > DECIMALS_MOST or mantissa > MANTISSA_MOST:
        return 0
    if (text[first] == c"0" and point != first + 1) or (negative and mantissa == 0):
        return 0
    if negative:
        mantissa = -mantissa
    return (<Word>mantissa << 7) | (<Word>(length - point - 1) << 3) | WORD_DECIMAL


cdef inline size_t format_decimal(char* out, Word word) noexcept nogil:
    cdef int64_t mantissa = word_mantissa(word)
    cdef uint32_t decimals = word_decimals(word)
    cdef uint64_t number = <uint64_t>mantissa
    cdef uint64_t behind
    cdef size_t length = 0
    cdef uint32_t i
    if mantissa < 0:
        number = <uint64_t>-mantissa
        out[0] = c"-"
        length = 1
    behind = number % <uint64_t>WHOLE_POWERS[decimals]
    length += format_uint64(out + length, number // <uint64_t>WHOLE_POWERS[decimals])
    out[length] = c"."
    for i in range(decimals):
        out[length + decimals - i] = <char>(48 + behind % 10)
        behind //= 10
    return length + 1 + decimals


cdef Word word_of_integer(int64_t value) noexcept nogil:
    cdef char text[24]
    if INTEGER_LEAST <= value <= INTEGER_MOST:
        return (<Word>value << 3) | WORD_INTEGER
    return word_of(text, format_int64(text, value))


cdef Word word_of(const char* text, size_t length) noexcept nogil:
    cdef long long integer
    cdef Word word
    cdef size_t i
    cdef TextBlock* block
    if length and length <= DECIMAL_MOST + 2 and (<unsigned char>text[0] - 48u <= 9u or text[0] == c"-"):
        if parse_int64(text, length, &integer):
            if INTEGER_LEAST <= integer <= INTEGER_MOST:
                return (<Word>integer << 3) | WORD_INTEGER
        else:
            word = decimal_of(text, length)
            if word:
                return word
    if length <= SHORT_MOST:
        word = WORD_SHORT | (<Word>length << 3)
        for i in range(length):
            word |= <Word><unsigned char>text[i] << (8 * (i + 1))
        return word
    if length >= LONG_WORD:
        return word_of_blob(blob_of(text, length))
    block = <TextBlock*>allocate(BLOCK_HEADER + length, KIND_COLLECTION)
    block.length = <uint32_t>length
    memcpy(block.data, text, length)
    return <Word>block


cdef Word word_of_blob(Blob* blob) noexcept nogil:
    return <Word>blob | WORD_BLOB


cdef Word word_copy(Word word) noexcept nogil:
    cdef TextBlock* block
    if not word_hangs(word):
        return word
    if word & WORD_TAG == WORD_BLOB:
        word_blob(word).references += 1
        return word
    block = <TextBlock*>allocate(BLOCK_HEADER + word_block(word).length, KIND_COLLECTION)
    memcpy(block, word_block(word), BLOCK_HEADER + word_block(word).length)
    return <Word>block


cdef void word_free(Word word) noexcept nogil:
    if not word_hangs(word):
        return
    if word & WORD_TAG == WORD_BLOB:
        blob_release(word_blob(word))
    else:
        release(word_block(word), BLOCK_HEADER + word_block(word).length, KIND_COLLECTION)


cdef size_t word_memory(Word word) noexcept nogil:
    if not word_hangs(word):
        return 0
    if word & WORD_TAG == WORD_BLOB:
        return blob_memory(word_blob(word))
    return block_size(BLOCK_HEADER + word_block(word).length)


cdef const char* word_text(Word word, char* scratch, size_t* length) noexcept nogil:
    cdef uint32_t tag = word & WORD_TAG
    if tag == WORD_BLOCK:
        length[0] = word_block(word).length
        return word_block(word).data
    if tag == WORD_BLOB:
        length[0] = word_blob(word).length
        return word_blob(word).data
    if tag == WORD_INTEGER:
        length[0] = format_int64(scratch, word_integer(word))
    elif tag == WORD_DECIMAL:
        length[0] = format_decimal(scratch, word)
    else:
        length[0] = (word >> 3) & 7
        word >>= 8
        memcpy(scratch, &word, sizeof(Word))
    return scratch


cdef bint word_number(Word word, double* number) noexcept nogil:
    cdef uint32_t tag = word & WORD_TAG
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    if tag == WORD_INTEGER:
        number[0] = <double>word_integer(word)
        return True
    if tag == WORD_DECIMAL:
        number[0] = <double>word_mantissa(word) / POWERS[word_decimals(word)]
        return True
    text = word_text(word, scratch, &length)
    return parse_double(text, length, number)


cdef bint word_whole(Word word, int64_t* number) noexcept nogil:
    cdef uint32_t tag = word & WORD_TAG
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    cdef long long integer
    cdef double value
    if tag == WORD_INTEGER:
        number[0] = word_integer(word)
        return True
    if tag == WORD_DECIMAL:
        number[0] = word_mantissa(word) // WHOLE_POWERS[word_decimals(word)]
        return True
    text = word_text(word, scratch, &length)
    if parse_int64(text, length, &integer):
        number[0] = integer
        return True
    if not parse_double(text, length, &value) or not -9223372036854775808.0 <= value < 9223372036854775808.0:
        return False
    number[0] = <int64_t>value
    return True
