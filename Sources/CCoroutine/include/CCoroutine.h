#ifndef CCoroutine_h
#define CCoroutine_h
#include <stdbool.h>

/// A computation with a stack of its own that can pause and go on, all on one thread.
///
/// The engine's settings and its team of threads belong to a thread of the system; a pause leaves both as they are,
/// which a thread for each computation would not.
typedef struct CCoroutine CCoroutine;

/// A computation that has not begun; null where there is no memory for its stack.
CCoroutine *CCoroutineCreate(void (*body)(void *context), void *context);

/// Runs it, on the thread that ran it before, until it pauses or ends. Returns whether it has paused.
bool CCoroutineResume(CCoroutine *coroutine);

/// Called in its body: goes on behind the call that resumed it, and comes back at the next one.
void CCoroutinePause(CCoroutine *coroutine);

/// Frees the stack. What a computation that has not ended holds is never given back.
void CCoroutineFree(CCoroutine *coroutine);

#endif
