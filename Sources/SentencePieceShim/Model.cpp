#include "include/SentencePieceShim.h"

#ifdef ATELIER_SENTENCE_PIECE

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <memory>
#include <new>
#include <unordered_map>
#include <vector>

struct CSentencePieceModel {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

thread_local std::string lastError;

// Every exported body is one guarded expression, so that a C++ exception always comes back as an error text and
// never unwinds into Swift.
template <class Body>
auto guard(Body &&body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception &error) {
    lastError = error.what();
  } catch (...) {
    lastError = "an unknown C++ exception";
  }
  return {};
}

bool holds(const sentencepiece::util::Status &status) {
  if (!status.ok()) lastError = status.message();
  return status.ok();
}

template <class Value>
Value *copied(const Value *values, size_t count) {
  auto *buffer = static_cast<Value *>(std::malloc(count > 0 ? count * sizeof(Value) : 1));
  if (buffer == nullptr) throw std::bad_alloc();
  if (count > 0) std::memcpy(buffer, values, count * sizeof(Value));
  return buffer;
}

class Sentences : public sentencepiece::SentenceIterator {
 public:
  Sentences(const char *text, const int64_t *ends, int64_t count) : text_(text), ends_(ends), count_(count) {
    read();
  }
  bool done() const override { return place_ >= count_; }
  void Next() override {
    ++place_;
    read();
  }
  const std::string &value() const override { return value_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void read() {
    if (done()) return;
    const int64_t begin = place_ == 0 ? 0 : ends_[place_ - 1];
    value_.assign(text_ + begin, static_cast<size_t>(ends_[place_] - begin));
  }

  const char *text_;
  const int64_t *ends_;
  int64_t count_;
  int64_t place_ = 0;
  std::string value_;
};

}  // namespace

namespace {

const char *lastErrorText(void) { return lastError.c_str(); }
void freeBuffer(void *buffer) { std::free(buffer); }

uint8_t *train(const char *text, const int64_t *ends, int64_t count, const char *const *options,
                             const char *const *values, int64_t optionCount, int64_t *length) {
  return guard([&]() -> uint8_t * {
    std::unordered_map<std::string, std::string> table;
    for (int64_t index = 0; index < optionCount; ++index) table[options[index]] = values[index];
    Sentences sentences(text, ends, count);
    std::string model;
    if (!holds(sentencepiece::SentencePieceTrainer::Train(table, &sentences, &model))) return nullptr;
    *length = static_cast<int64_t>(model.size());
    return copied(reinterpret_cast<const uint8_t *>(model.data()), model.size());
  });
}

CSentencePieceModel *load(const uint8_t *bytes, int64_t length) {
  return guard([&]() -> CSentencePieceModel * {
    auto model = std::make_unique<CSentencePieceModel>();
    const std::string serialised(reinterpret_cast<const char *>(bytes), static_cast<size_t>(length));
    return holds(model->processor.LoadFromSerializedProto(serialised)) ? model.release() : nullptr;
  });
}

void freeModel(CSentencePieceModel *model) { delete model; }

int32_t count(const CSentencePieceModel *model) { return model->processor.GetPieceSize(); }
int32_t unknownId(const CSentencePieceModel *model) { return model->processor.unk_id(); }
int32_t startId(const CSentencePieceModel *model) { return model->processor.bos_id(); }
int32_t endId(const CSentencePieceModel *model) { return model->processor.eos_id(); }
int32_t paddingId(const CSentencePieceModel *model) { return model->processor.pad_id(); }

const char *text(const CSentencePieceModel *model, int32_t id, int64_t *length) {
  const std::string &piece = model->processor.IdToPiece(id);
  *length = static_cast<int64_t>(piece.size());
  return piece.data();
}

bool isByte(const CSentencePieceModel *model, int32_t id) { return model->processor.IsByte(id); }

bool isSpecial(const CSentencePieceModel *model, int32_t id) {
  const auto &processor = model->processor;
  return processor.IsUnknown(id) || processor.IsControl(id) || processor.IsUnused(id);
}

int32_t *encode(const CSentencePieceModel *model, const char *text, int64_t length, int64_t *count) {
  return guard([&]() -> int32_t * {
    std::vector<int> ids;
    if (!holds(model->processor.Encode({text, static_cast<size_t>(length)}, &ids))) return nullptr;
    *count = static_cast<int64_t>(ids.size());
    return copied(ids.data(), ids.size());
  });
}

char *decode(const CSentencePieceModel *model, const int32_t *ids, int64_t count, int64_t *length) {
  return guard([&]() -> char * {
    std::string text;
    if (!holds(model->processor.Decode(std::vector<int>(ids, ids + count), &text))) return nullptr;
    *length = static_cast<int64_t>(text.size());
    return copied(text.data(), text.size());
  });
}

}  // namespace

const CSentencePieceFunctions *CSentencePieceFunctionTable(void) {
  static const CSentencePieceFunctions table = {
      lastErrorText, freeBuffer, train, load, freeModel, count, unknownId, startId, endId, paddingId,
      text, isByte, isSpecial, encode, decode,
  };
  return &table;
}

#else

const CSentencePieceFunctions *CSentencePieceFunctionTable(void) { return nullptr; }

#endif
