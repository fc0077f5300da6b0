// Declarations that let libtorch's ProcessGroupGloo.hpp be read: libtorch's wheel holds gloo and leaves its headers
// out. Only what that header names is declared. Its classes hold gloo's objects behind shared pointers, so that no
// layout depends on what stands here, and none of gloo's functions is called from here.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

}  // namespace gloo
