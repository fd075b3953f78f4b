"""A report that the crashing thread writes itself: the signal, the address, and which compiled functions it was in.

Nothing of it needs memory or a lock. When it is written, the handler that was there before gets the signal:
`faulthandler`'s, which adds what Python was doing.
"""

from libc.string cimport strncpy

cdef extern from *:
    """
    #include <execinfo.h>
    #include <signal.h>
    #include <stdio.h>
    #include <string.h>
    #include <unistd.h>

    #define REDPOLL_FRAMES 64
    static const int redpoll_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    #define REDPOLL_SIGNALS (int)(sizeof(redpoll_signals) / sizeof(int))
    static struct sigaction redpoll_before[REDPOLL_SIGNALS];
    static int redpoll_report_to = -1;
    static char redpoll_version[64];

    static void redpoll_report(const char *text) {
        ssize_t ignored = write(redpoll_report_to, text, strlen(text));
        (void)ignored;
    }

    static void redpoll_report_number(unsigned long value, unsigned base) {
        char digits[24];
        char *at = digits + sizeof(digits) - 1;
        *at = 0;
        do { *--at = "0123456789abcdef"[value % base]; value /= base; } while (value);
        redpoll_report(at);
    }

    static void redpoll_crashed(int number, siginfo_t *info, void *context) {
        void *frames[REDPOLL_FRAMES];
        int i, count;
        (void)context;
        redpoll_report("\\n=== REDPOLL BUG REPORT: please report all of it ===\\nRedpoll ");
        redpoll_report(redpoll_version);
        redpoll_report(" crashed by signal: ");
        redpoll_report_number((unsigned long)number, 10);
        redpoll_report(", si_code: ");
        redpoll_report_number((unsigned long)(info->si_code < 0 ? -info->si_code : info->si_code), 10);
        if (info->si_code > 0) {
            redpoll_report(", accessing 0x");
            redpoll_report_number((unsigned long)info->si_addr, 16);
        } else {
            redpoll_report(", sent by process ");
            redpoll_report_number((unsigned long)info->si_pid, 10);
        }
        redpoll_report("\\n------ STACK TRACE ------\\n");
        count = backtrace(frames, REDPOLL_FRAMES);
        backtrace_symbols_fd(frames, count, redpoll_report_to);
        redpoll_report("------ PYTHON ------\\n");
        for (i = 0; i < REDPOLL_SIGNALS; i++)
            if (redpoll_signals[i] == number) sigaction(number, &redpoll_before[i], NULL);
        raise(number);
    }

    static void redpoll_crash_install(int descriptor) {
        struct sigaction action;
        void *frame[1];
        int i;
        backtrace(frame, 1);      /* the first call loads a library, which a crash is no time for */
        memset(&action, 0, sizeof(action));
        action.sa_sigaction = redpoll_crashed;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        for (i = 0; i < REDPOLL_SIGNALS; i++)
            sigaction(redpoll_signals[i], &action, redpoll_report_to < 0 ? &redpoll_before[i] : NULL);
        redpoll_report_to = descriptor;
    }

    static void redpoll_crash_remove(void) {
        int i;
        if (redpoll_report_to < 0) return;
        for (i = 0; i < REDPOLL_SIGNALS; i++) sigaction(redpoll_signals[i], &redpoll_before[i], NULL);
        redpoll_report_to = -1;
    }
    """
    char* redpoll_version
    void redpoll_crash_install(int descriptor) nogil
    void redpoll_crash_remove() nogil


def install(int descriptor, bytes version):
    """Report crashes there; the descriptor has to stay open."""
    strncpy(redpoll_version, version, 63)
    redpoll_crash_install(descriptor)


def remove():
    """Report none any more."""
    redpoll_crash_remove()
