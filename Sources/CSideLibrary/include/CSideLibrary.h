// Loading of a library that is linked with something the program must not be linked with: it lies beside the program,
// and hands its functions over in a table.
#ifndef C_SIDE_LIBRARY_H
#define C_SIDE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// Opens the library "lib<name>.so" (".dylib" on macOS) beside the program, else where the loader looks, and calls its
// function `table`, which takes nothing and gives the table. The library stays open.
//
// `prefersOwnSymbols`: whether it is bound to its own variables and functions before those of the same names that the
// program has, where the loader can do that.
//
// Gives NULL where the library or the function is not there. Where the library cannot be opened, the loader's reason is
// written to `reason`, which holds `size` bytes and may be NULL.
const void *_Nullable CSideLibraryTable(const char *_Nonnull name, const char *_Nonnull table, bool prefersOwnSymbols,
                                        char *_Nullable reason, size_t size);

#ifdef __cplusplus
}
#endif

#endif
