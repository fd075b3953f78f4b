"""What the standard library's `ssl` leaves out, from the very OpenSSL that it works with.

Nothing is linked: the functions are looked up in what Python's `_ssl` module has loaded, all of them there since
OpenSSL 1.1.1. The objects are those of `ssl`, whose first words behind Python's own are, in the versions of Python
that are named here,

    ssl.SSLContext     SSL_CTX*
    _ssl._SSLSocket    a weak reference, SSL*

That is Python's own business, so it is tried out before it is believed: what OpenSSL says through these pointers
has to be what Python says. Where anything is missing `available()` is false, and `ssl` does what it can alone.
`ssl` takes long to import, so all this waits until TLS is wanted.
"""

import sys

cdef extern from "<dlfcn.h>" nogil:
    void* dlopen(const char* path, int flags)
    void* dlsym(void* handle, const char* name)
    int RTLD_NOW, RTLD_LOCAL

cdef enum:
    SSL_CTRL_SET_SESS_CACHE_SIZE = 42
    SSL_CTRL_SET_SESS_CACHE_MODE = 44
    SSL_SESS_CACHE_OFF = 0
    SSL_SESS_CACHE_SERVER = 2

cdef bint tried = False
cdef bint usable = False
cdef object socket_type = None
# Bytes of what every Python object begins with.
cdef Py_ssize_t head = object.__basicsize__


cdef bint find_all(void* handle):
    cdef Library* all = &library
    all.SSL_read = <int (*)(SSL*, void*, int) noexcept nogil>dlsym(handle, "SSL_read")
    all.SSL_write = <int (*)(SSL*, const void*, int) noexcept nogil>dlsym(handle, "SSL_write")
    all.SSL_get_error = <int (*)(const SSL*, int) noexcept nogil>dlsym(handle, "SSL_get_error")
    all.SSL_has_pending = <int (*)(const SSL*) noexcept nogil>dlsym(handle, "SSL_has_pending")
    all.SSL_set_read_ahead = <void (*)(SSL*, int) noexcept nogil>dlsym(handle, "SSL_set_read_ahead")
    all.SSL_ctrl = <long (*)(SSL*, int, long, void*) noexcept nogil>dlsym(handle, "SSL_ctrl")
    all.SSL_get_SSL_CTX = <SSL_CTX* (*)(const SSL*) noexcept nogil>dlsym(handle, "SSL_get_SSL_CTX")
    all.SSL_CTX_get_options = <unsigned long long (*)(const SSL_CTX*) noexcept nogil>dlsym(
        handle, "SSL_CTX_get_options")
    all.SSL_CTX_ctrl = <long (*)(SSL_CTX*, int, long, void*) noexcept nogil>dlsym(handle, "SSL_CTX_ctrl")
    all.SSL_CTX_set_timeout = <long (*)(SSL_CTX*, long) noexcept nogil>dlsym(handle, "SSL_CTX_set_timeout")
    all.SSL_CTX_set_ciphersuites = <int (*)(SSL_CTX*, const char*) noexcept nogil>dlsym(
        handle, "SSL_CTX_set_ciphersuites")
    all.ERR_clear_error = <void (*)() noexcept nogil>dlsym(handle, "ERR_clear_error")
    return (all.SSL_read != NULL and all.SSL_write != NULL and all.SSL_get_error != NULL
            and all.SSL_has_pending != NULL and all.SSL_set_read_ahead != NULL and all.SSL_ctrl != NULL
            and all.SSL_get_SSL_CTX != NULL and all.SSL_CTX_get_options != NULL and all.SSL_CTX_ctrl != NULL
            and all.SSL_CTX_set_timeout != NULL and all.SSL_CTX_set_ciphersuites != NULL
            and all.ERR_clear_error != NULL)


cdef inline void* word_of(object it, Py_ssize_t behind) noexcept:
    return (<void**>(<char*><void*>it + head + behind))[0]


cdef bint try_out():
    """Whether everything is there, and the objects are made as they are expected to be."""
    cdef bytes path
    cdef void* handle
    cdef void* context
    cdef void* connection
    global socket_type
    import ssl

    import _ssl
    if not (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.implementation.name != "cpython":
        return False
    found = getattr(_ssl, "__file__", None)
    if found is None:
        # Built into the interpreter.
        handle = dlopen(NULL, RTLD_NOW | RTLD_LOCAL)
    else:
        path = found.encode("utf-8", "surrogateescape")
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)
    if handle == NULL or not find_all(handle):
        return False
    socket_type = _ssl._SSLSocket
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Options that it would not have by chance.
    made.options ^= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_TICKET
    context = word_of(made, 0)
    if context == NULL or library.SSL_CTX_get_options(context) != <unsigned long long>made.options:
        return False
    inner = made.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)._sslobj
    connection = word_of(inner, sizeof(void*))
    return connection != NULL and library.SSL_get_SSL_CTX(connection) == context


cdef bint is_usable() except -1:
    global tried, usable
    if not tried:
        tried = True
        usable = try_out()
    return usable


cdef SSL* connection_of(object sock) except? NULL:
    cdef void* connection
    if not is_usable():
        return NULL
    inner = sock._sslobj
    if type(inner) is not socket_type:
        return NULL
    connection = word_of(inner, sizeof(void*))
    if connection == NULL or library.SSL_get_SSL_CTX(connection) != word_of(sock.context, 0):
        return NULL
    return connection


def available():
    """Whether OpenSSL can be asked for what `ssl` leaves out."""
    return is_usable()


def set_ciphersuites(context, str names):
    """Have an `SSLContext` offer these suites of TLS 1.3. Raises `ValueError`: they are none; `NotImplementedError`."""
    cdef bytes text = names.encode()
    if hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(names)
        return
    if not is_usable():
        raise NotImplementedError("this Python's ssl module cannot set them; Python 3.15 can")
    if not library.SSL_CTX_set_ciphersuites(word_of(context, 0), text):
        library.ERR_clear_error()
        raise ValueError("no such cipher suites")


def set_session_cache(context, long size, long seconds):
    """Have an `SSLContext` remember so many sessions (0: all) for so long. Raises `NotImplementedError`."""
    cdef void* inner
    if not is_usable():
        raise NotImplementedError("this Python's ssl module cannot set it")
    inner = word_of(context, 0)
    library.SSL_CTX_ctrl(inner, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_SERVER, NULL)
    library.SSL_CTX_ctrl(inner, SSL_CTRL_SET_SESS_CACHE_SIZE, size, NULL)
    library.SSL_CTX_set_timeout(inner, seconds)


def forget_sessions(context):
    """Have an `SSLContext` remember none; whether that could be done."""
    if is_usable():
        library.SSL_CTX_ctrl(word_of(context, 0), SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL)
    return usable


def do_without():
    """Behave as where OpenSSL is not to be found; for tests."""
    global tried, usable
    tried = True
    usable = False
