"""OpenSSL itself: see openssl.pyx."""

ctypedef void SSL
ctypedef void SSL_CTX

cdef enum:
    SSL_ERROR_WANT_READ = 2
    SSL_ERROR_WANT_WRITE = 3
    SSL_ERROR_SYSCALL = 5
    SSL_ERROR_ZERO_RETURN = 6

cdef struct Library:
    int (*SSL_read)(SSL* ssl, void* into, int room) noexcept nogil
    int (*SSL_write)(SSL* ssl, const void* bytes, int size) noexcept nogil
    int (*SSL_get_error)(const SSL* ssl, int result) noexcept nogil
    int (*SSL_has_pending)(const SSL* ssl) noexcept nogil
    void (*SSL_set_read_ahead)(SSL* ssl, int yes) noexcept nogil
    long (*SSL_ctrl)(SSL* ssl, int command, long number, void* other) noexcept nogil
    SSL_CTX* (*SSL_get_SSL_CTX)(const SSL* ssl) noexcept nogil
    unsigned long long (*SSL_CTX_get_options)(const SSL_CTX* context) noexcept nogil
    long (*SSL_CTX_ctrl)(SSL_CTX* context, int command, long number, void* other) noexcept nogil
    long (*SSL_CTX_set_timeout)(SSL_CTX* context, long seconds) noexcept nogil
    int (*SSL_CTX_set_ciphersuites)(SSL_CTX* context, const char* names) noexcept nogil
    void (*ERR_clear_error)() noexcept nogil

# Only what `available()` says is there may be called.
cdef Library library

# What an `ssl.SSLSocket` works with, as long as it is open; NULL: it cannot be told.
cdef SSL* connection_of(object sock) except? NULL
