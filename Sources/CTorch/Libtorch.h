// Included before anything of libtorch, so that its absence is told in one sentence.
#pragma once

#if !__has_include(<ATen/ATen.h>)
#error "Atelier found no libtorch: run Scripts/setup in its folder, with --user where another package depends on it, or name a libtorch 2.11 to 2.15 in the environment variable LIBTORCH."
#endif
