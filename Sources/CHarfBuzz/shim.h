#ifndef CHarfBuzz_SHIM_H
#define CHarfBuzz_SHIM_H
#include <hb.h>
#include <hb-ot.h>

/// Leaves characters out that have no look of their own, such as variation selectors.
static inline void charfbuzz_remove_ignorables(hb_buffer_t *buffer) {
  hb_buffer_set_flags(buffer, HB_BUFFER_FLAG_REMOVE_DEFAULT_IGNORABLES);
}

#endif
