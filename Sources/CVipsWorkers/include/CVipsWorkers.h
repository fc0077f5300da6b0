#ifndef CVipsWorkers_h
#define CVipsWorkers_h
#include <stdbool.h>

/// Whether libvips's worker threads wait for work without a limit in this process.
///
/// libvips 8.14.0 to 8.15.3 frees a worker that was idle for 15 seconds even if another thread has just given it
/// a task: the task is never done, so that its caller waits for ever, or it is written into freed memory. libvips
/// calls its function of waiting through the loader's symbol table, so on Linux the one in this target stands in
/// for it. Where it does not, as on macOS, libvips must be newer.
bool cvips_workers_stay(void);

#endif
