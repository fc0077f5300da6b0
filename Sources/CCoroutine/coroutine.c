#ifdef __APPLE__
// macOS declares these functions only for programs that ask for them by this name.
#define _XOPEN_SOURCE 700
#define _DARWIN_C_SOURCE
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#else
#define _GNU_SOURCE
#endif
#include "CCoroutine.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct CCoroutine {
  ucontext_t own, resumer;
  void (*body)(void *);
  void *context;
  char *memory;
  size_t length;
  bool ended;
};

// Pages are taken as they are touched; a main thread's stack is half as large.
static const size_t stackBytes = 16 << 20;

// The computation that begins: a new context's function takes whole numbers only.
static _Thread_local CCoroutine *beginning;

static void run(void) {
  CCoroutine *coroutine = beginning;
  coroutine->body(coroutine->context);
  coroutine->ended = true;
  // The context ends here, and its link is the one that resumed it.
}

CCoroutine *CCoroutineCreate(void (*body)(void *), void *context) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  CCoroutine *coroutine = calloc(1, sizeof *coroutine);
  if (!coroutine) return NULL;
  coroutine->body = body;
  coroutine->context = context;
  coroutine->length = stackBytes + page;
  coroutine->memory = mmap(
      NULL, coroutine->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
  // Stacks grow down: the lowest page is never touched, so that one that is too deep ends the program.
  if (coroutine->memory == MAP_FAILED || mprotect(coroutine->memory, page, PROT_NONE) != 0 ||
      getcontext(&coroutine->own) != 0) {
    if (coroutine->memory != MAP_FAILED) munmap(coroutine->memory, coroutine->length);
    free(coroutine);
    return NULL;
  }
  coroutine->own.uc_stack.ss_sp = coroutine->memory + page;
  coroutine->own.uc_stack.ss_size = stackBytes;
  coroutine->own.uc_link = &coroutine->resumer;
  makecontext(&coroutine->own, run, 0);
  return coroutine;
}

bool CCoroutineResume(CCoroutine *coroutine) {
  if (coroutine->ended) return false;
  beginning = coroutine;
  swapcontext(&coroutine->resumer, &coroutine->own);
  return !coroutine->ended;
}

void CCoroutinePause(CCoroutine *coroutine) { swapcontext(&coroutine->own, &coroutine->resumer); }

void CCoroutineFree(CCoroutine *coroutine) {
  munmap(coroutine->memory, coroutine->length);
  free(coroutine);
}
