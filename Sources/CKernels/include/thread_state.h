// Two words of thread-local state, which Swift has no cheap form of: read on the way of every recorded operation.
#ifndef MERCER_THREAD_STATE_H
#define MERCER_THREAD_STATE_H

struct mercer_thread_state {
    /// How many gradient calls are open on this thread.
    int32_t gradient_depth;
    /// > 0 while operations are not recorded (inside the backward walk of an outermost gradient call, `stopGradient`).
    int32_t recording_paused;
    /// > 0 while this thread works for the pool: a parallel loop inside runs serially.
    int32_t inside_parallel_loop;
};

extern _Thread_local struct mercer_thread_state mercer_thread_state_storage;

static inline struct mercer_thread_state *_Nonnull mercer_thread_state(void) { return &mercer_thread_state_storage; }

/// Tells the processor that this thread is waiting in a loop.
static inline void mercer_spin_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
