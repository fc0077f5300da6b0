#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/CSideLibrary.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#define SUFFIX ".dylib"
#else
#define SUFFIX ".so"
#endif

// The longest name of a file.
#define LONGEST 256

static void *opened(const char *file, int mode) {
  char path[PATH_MAX + LONGEST + 1];
#ifdef __APPLE__
  uint32_t size = PATH_MAX;
  bool isKnown = _NSGetExecutablePath(path, &size) == 0;
#else
  ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
  bool isKnown = size > 0;
  if (isKnown) path[size] = 0;
#endif
  char *slash = isKnown ? strrchr(path, '/') : NULL;
  if (slash != NULL) {
    strcpy(slash + 1, file);
    void *library = dlopen(path, mode);
    if (library != NULL) return library;
  }
  return dlopen(file, mode);
}

const void *CSideLibraryTable(const char *name, const char *table, bool prefersOwnSymbols, char *reason, size_t size) {
  char file[LONGEST];
  int length = snprintf(file, sizeof file, "lib%s" SUFFIX, name);
  if (length < 0 || (size_t)length >= sizeof file) {
    if (reason != NULL) snprintf(reason, size, "the name of the library is too long: %s", name);
    return NULL;
  }
  int mode = RTLD_NOW | RTLD_LOCAL;
#ifdef RTLD_DEEPBIND
  if (prefersOwnSymbols) mode |= RTLD_DEEPBIND;
#endif
  void *library = opened(file, mode);
  if (library == NULL) {
    const char *text = dlerror();
    if (reason != NULL && text != NULL) snprintf(reason, size, "%s", text);
    return NULL;
  }
  const void *(*function)(void) = (const void *(*)(void))dlsym(library, table);
  return function == NULL ? NULL : function();
}
