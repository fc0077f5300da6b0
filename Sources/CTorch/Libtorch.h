// Included before libtorch's headers, so that a missing libtorch gives one clear error.
#pragma once

#if !__has_include(<ATen/ATen.h>)
#error "Atelier found no libtorch: run Scripts/setup in its folder, with --user where another package depends on it, or name a libtorch 2.11 to 2.15 in the environment variable LIBTORCH."
#endif
